// java -cp /usr/share/java/jna.jar Hello.java 127.0.0.1:8080: a server in Java, by JNA. It serves in its own process
// (workers=0): the virtual machine does not live through a fork.
import com.sun.jna.Callback;
import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;

public class Hello {
    public interface OnRequest extends Callback {
        int call(Pointer request, Pointer user);
    }

    public interface Forker extends Library {
        Pointer forker_server_new();
        int forker_server_set(Pointer server, String name, String value);
        int forker_server_handle(Pointer server, String methods, String pattern, OnRequest handler, Pointer user);
        int forker_server_listen(Pointer server, String address);
        int forker_server_start(Pointer server);
        int forker_server_stop(Pointer server, int timeout);
        int forker_server_wait(Pointer server, int timeout);
        int forker_respond(Pointer request, int status, String type, byte[] body, long len);
    }

    static final String LIBRARY = System.getenv().getOrDefault("FORKER_LIBRARY", "libforker.so.0");
    static final Forker forker = Native.load(LIBRARY, Forker.class);

    // It must live as long as the server.
    static final OnRequest hello = (request, user) -> {
        byte[] body = "hello from Java\n".getBytes();
        return forker.forker_respond(request, 200, "text/plain", body, body.length);
    };

    public static void main(String[] arguments) {
        Pointer server = forker.forker_server_new();
        forker.forker_server_set(server, "workers", "0");
        forker.forker_server_handle(server, "GET", "/", hello, null);
        forker.forker_server_listen(server, arguments.length > 0 ? arguments[0] : ":8080");
        if (forker.forker_server_start(server) != 0) {
            System.exit(1);
        }
        // SIGTERM is the virtual machine's.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> forker.forker_server_stop(server, 1000)));
        forker.forker_server_wait(server, -1);
    }
}
