/* A client whose TLS library is a part of it: `static_client PORT PATH` prints the response. */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(atoi(arguments[1])),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, (struct sockaddr *)&address, sizeof(address)))
        return 3;
    SSL *ssl = SSL_new(SSL_CTX_new(TLS_client_method()));
    SSL_set_fd(ssl, connection);
    if (SSL_connect(ssl) != 1)
        return 4;
    char buffer[32768];
    int len = snprintf(buffer, sizeof(buffer),
                       "GET /%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", arguments[2]);
    if (SSL_write(ssl, buffer, len) != len)
        return 5;
    while ((len = SSL_read(ssl, buffer, sizeof(buffer))) > 0)
        fwrite(buffer, 1, len, stdout);
    SSL_free(ssl);
    return 0;
}
