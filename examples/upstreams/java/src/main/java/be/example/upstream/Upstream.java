package be.example.upstream;

import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/**
 * A service behind the gateway that shows both ways to learn who a request is from: GET /headers
 * believes the gateway's headers, GET /token has Spring verify its JWT. A real service has one of
 * the two.
 *
 * <p>Unverified: nobody has compiled or run this yet.
 */
@SpringBootApplication
@RestController
public class Upstream {
  public static void main(String[] args) {
    SpringApplication.run(Upstream.class, args);
  }

  @GetMapping("/token")
  Map<String, String> token(@AuthenticationPrincipal Jwt jwt) {
    String name = jwt.getClaimAsString("name"); // null when the person has none
    return name == null ? Map.of("sub", jwt.getSubject()) : Map.of("sub", jwt.getSubject(), "name", name);
  }
}
