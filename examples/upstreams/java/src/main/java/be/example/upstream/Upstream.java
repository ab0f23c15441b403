package be.example.upstream;

import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.web.servlet.context.ServletWebServerInitializedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/**
 * A service behind the gateway that shows both ways to learn which user a request is from: GET
 * /headers believes the gateway's headers, GET /token has Spring verify its JWT. A real service has
 * one of the two.
 */
@SpringBootApplication
@RestController
public class Upstream {
  public static void main(String[] args) {
    String[] listen = System.getenv().getOrDefault("LISTEN", "127.0.0.1:9000").split(":");
    System.setProperty("server.address", listen[0]);
    System.setProperty("server.port", listen[1]);
    SpringApplication.run(Upstream.class, args);
  }

  @EventListener
  void listening(ServletWebServerInitializedEvent event) {
    System.out.println("listening on http://127.0.0.1:" + event.getWebServer().getPort());
  }

  @GetMapping("/token")
  Map<String, String> token(@AuthenticationPrincipal Jwt jwt) {
    String name = jwt.getClaimAsString("name"); // null when the user has none
    return name == null ? Map.of("sub", jwt.getSubject()) : Map.of("sub", jwt.getSubject(), "name", name);
  }
}
