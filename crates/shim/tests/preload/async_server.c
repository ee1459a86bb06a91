/* A server with one thread whose sessions can wait: `async_server PORT PLAIN CERTIFICATE KEY` answers each request on
 * PORT with TLS, and what it is sent on PLAIN with the same bytes. If that begins with an x, it gives up all sessions
 * before. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_WAITED_FOR 8

struct connection {
    int fd;
    SSL *ssl; /* none of a connection without TLS */
    int is_open, is_asked;
    int waited_for[MOST_WAITED_FOR];
    size_t waits;
    struct connection *next;
};

static int epoll;
static struct connection *sessions;
static const char answer[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello from behind\n";

static void watch(int operation, int fd, unsigned events, void *who)
{
    struct epoll_event event = { .events = events, .data.ptr = who };
    epoll_ctl(epoll, operation, fd, &event);
}

static int listen_on(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 64))
        exit(3);
    return fd;
}

static void end(struct connection *one)
{
    struct connection **place = &sessions;
    while (*place && *place != one)
        place = &(*place)->next;
    if (*place)
        *place = one->next;
    SSL_free(one->ssl);
    close(one->fd);
    free(one);
}

/* Goes on with a session until it has to wait for something. */
static void go_on(struct connection *one)
{
    char request[4096];
    int result;
    for (size_t i = 0; i < one->waits; i++)
        epoll_ctl(epoll, EPOLL_CTL_DEL, one->waited_for[i], NULL);
    one->waits = 0;
    if (!one->is_open && (result = SSL_accept(one->ssl)) == 1)
        one->is_open = 1;
    if (one->is_open && !one->is_asked && (result = SSL_read(one->ssl, request, sizeof(request))) > 0)
        one->is_asked = 1;
    if (one->is_asked && (result = SSL_write(one->ssl, answer, sizeof(answer) - 1)) > 0) {
        SSL_shutdown(one->ssl);
        end(one);
        return;
    }
    switch (SSL_get_error(one->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        watch(EPOLL_CTL_MOD, one->fd, EPOLLIN, one);
        break;
    case SSL_ERROR_WANT_WRITE:
        watch(EPOLL_CTL_MOD, one->fd, EPOLLOUT, one);
        break;
    case SSL_ERROR_WANT_ASYNC:
        watch(EPOLL_CTL_MOD, one->fd, 0, one);
        SSL_get_all_async_fds(one->ssl, NULL, &one->waits);
        if (one->waits > MOST_WAITED_FOR)
            exit(4);
        SSL_get_all_async_fds(one->ssl, one->waited_for, &one->waits);
        for (size_t i = 0; i < one->waits; i++)
            watch(EPOLL_CTL_ADD, one->waited_for[i], EPOLLIN, one);
        break;
    default:
        end(one);
    }
}

static void echo(struct connection *one)
{
    char bytes[4096];
    ssize_t len = read(one->fd, bytes, sizeof(bytes));
    while (len > 0 && bytes[0] == 'x' && sessions)
        end(sessions);
    if (len <= 0 || write(one->fd, bytes, len) != len)
        end(one);
}

int main(int count, char **arguments)
{
    if (count != 5)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(context, arguments[3]) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, arguments[4], SSL_FILETYPE_PEM) != 1)
        return 5;
    SSL_CTX_set_mode(context, SSL_MODE_ASYNC);
    struct connection listeners[2] = { { .fd = listen_on(atoi(arguments[1])) },
                                       { .fd = listen_on(atoi(arguments[2])) } };
    epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < 2; i++)
        watch(EPOLL_CTL_ADD, listeners[i].fd, EPOLLIN, &listeners[i]);
    for (;;) {
        struct epoll_event event;
        /* One at a time: what ends a session may be told twice at once. */
        if (epoll_wait(epoll, &event, 1, -1) != 1)
            continue;
        struct connection *one = event.data.ptr;
        if (one != &listeners[0] && one != &listeners[1]) {
            one->ssl ? go_on(one) : echo(one);
            continue;
        }
        int fd = accept(one->fd, NULL, NULL);
        if (fd < 0)
            continue;
        fcntl(fd, F_SETFL, O_NONBLOCK);
        struct connection *new = calloc(1, sizeof(*new));
        new->fd = fd;
        watch(EPOLL_CTL_ADD, fd, EPOLLIN, new);
        if (one == &listeners[0]) {
            new->ssl = SSL_new(context);
            SSL_set_fd(new->ssl, fd);
            new->next = sessions;
            sessions = new;
        }
    }
}
