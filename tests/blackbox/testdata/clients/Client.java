// java Client.java URL CA: what a client of HTTP/2 does, by java.net.http.
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class Client {
    static HttpClient client;
    static String base;

    static SSLContext trusting(String roots) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream in = Files.newInputStream(Path.of(roots))) {
            int n = 0;
            for (var certificate : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
                store.setCertificateEntry("root" + n++, certificate);
            }
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    static CompletableFuture<HttpResponse<byte[]>> ask(String method, String path, byte[] body) {
        var publisher = body == null ? BodyPublishers.noBody() : BodyPublishers.ofByteArray(body);
        var request = HttpRequest.newBuilder(URI.create(base + path)).method(method, publisher).build();
        return client.sendAsync(request, BodyHandlers.ofByteArray()).thenApply(response -> {
            if (response.statusCode() != 200) {
                throw new IllegalStateException(method + " " + path + ": " + response.statusCode());
            }
            return response;
        });
    }

    public static void main(String[] args) throws Exception {
        base = args[0];
        client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).sslContext(trusting(args[1])).build();
        byte[] body = new byte[1 << 20];
        Arrays.fill(body, (byte) 'x');
        var echo = ask("POST", "/body", body).get();
        var file = ask("GET", "/file", null).get();
        var texts = new TreeSet<String>();
        var many = IntStream.range(0, 100).mapToObj(i -> ask("GET", "/", null)).toList();
        for (var one : many) {
            texts.add(new String(one.get().body()));
        }
        System.out.println(echo.version() + " " + Arrays.equals(echo.body(), body) + " " + file.body().length + " " + texts.size() + " "
                + texts.first());
    }
}
