package be.example.upstream;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Map;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;
import org.springframework.web.util.UriUtils;

/**
 * Believes the gateway's headers. A client that reaches this service past the gateway could claim to
 * be any user, so the network must not let it.
 */
@RestController
class Headers {
  @GetMapping("/headers")
  Map<String, String> headers(
      @RequestHeader(name = "X-Itsme-Subject", required = false) String subject,
      @RequestHeader(name = "X-Itsme-Name", required = false) String name) {
    if (subject == null) { // the path is public, or the request came past the gateway
      throw new ResponseStatusException(HttpStatus.UNAUTHORIZED);
    }
    // What does not fit into a header is percent-encoded UTF-8. A plus sign is one (URLDecoder would
    // make it a blank). An absent claim is an absent header.
    String decoded = UriUtils.decode(subject, UTF_8);
    return name == null ? Map.of("sub", decoded) : Map.of("sub", decoded, "name", UriUtils.decode(name, UTF_8));
  }
}
