import java.io.OutputStream;
import java.security.cert.X509Certificate;
import javax.net.ssl.*;

/** A client that offers TLS 1.2 in a hello of SSL 2.0 form, as JSSE still can, and trusts any certificate. */
public class Sslv2Hello {
    public static void main(String[] arguments) throws Exception {
        var context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {new X509ExtendedTrustManager() {
            public void checkClientTrusted(X509Certificate[] c, String a) {}
            public void checkServerTrusted(X509Certificate[] c, String a) {}
            public void checkClientTrusted(X509Certificate[] c, String a, java.net.Socket s) {}
            public void checkServerTrusted(X509Certificate[] c, String a, java.net.Socket s) {}
            public void checkClientTrusted(X509Certificate[] c, String a, SSLEngine e) {}
            public void checkServerTrusted(X509Certificate[] c, String a, SSLEngine e) {}
            public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
        }}, null);
        var socket = (SSLSocket) context.getSocketFactory().createSocket("192.0.2.2", 443);
        socket.setEnabledProtocols(new String[] {"SSLv2Hello", "TLSv1.2"});
        socket.startHandshake();
        socket.getOutputStream().write("GET /root.pem HTTP/1.0\r\n\r\n".getBytes());
        socket.getInputStream().readAllBytes();
        socket.close();
    }
}
