package be.example.upstream;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.jwk.source.RateLimitReachedException;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import java.net.MalformedURLException;
import java.net.URI;
import java.util.List;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtTypeValidator;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.web.SecurityFilterChain;

/** Verifies access tokens (RFC 9068) by the gateway's public keys. */
@Configuration
class Security {
  @Bean
  SecurityFilterChain chain(HttpSecurity http) throws Exception {
    return http
        .authorizeHttpRequests(a -> a.requestMatchers("/headers").permitAll().anyRequest().authenticated())
        .oauth2ResourceServer(server -> server.jwt(Customizer.withDefaults()))
        .sessionManagement(s -> s.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
        .csrf(csrf -> csrf.disable()) // a bearer token is no cookie
        .build();
  }

  /**
   * Not the decoder that issuer-uri makes: that one takes typ JWT or none and refuses at+jwt, does
   * not look at aud, and fetches the keys again for every kid that a client makes up.
   */
  @Bean
  JwtDecoder decoder(
      @Value("${gateway.jwks-url}") String jwksUrl,
      @Value("${gateway.issuer}") String issuer,
      @Value("${gateway.audience}") String audience,
      @Value("${gateway.client-id}") String clientId)
      throws MalformedURLException {
    DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();
    processor.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt")));
    processor.setJWSKeySelector(new JWSVerificationKeySelector<>(JWSAlgorithm.ES256, keys(jwksUrl))); // the gateway's token algorithm
    processor.setJWTClaimsSetVerifier((claims, context) -> {}); // the validator below does
    NimbusJwtDecoder decoder = new NimbusJwtDecoder(processor);
    decoder.setJwtValidator(JwtValidators.createAtJwtValidator() // exp, iat, jti and sub are required
        .issuer(issuer)
        .audience(audience)
        .clientId(clientId) // the host of the gateway's public_url
        .validators(v -> v.put("typ", new JwtTypeValidator("at+jwt")))
        .build());
    return decoder;
  }

  /** Keys are cached for five minutes, and fetched again for a kid that is not among them, twice in 30 s at most. */
  private static JWKSource<SecurityContext> keys(String jwksUrl) throws MalformedURLException {
    JWKSource<SecurityContext> limited = JWKSourceBuilder.create(URI.create(jwksUrl).toURL()).rateLimited(true).build();
    return (selector, context) -> {
      try {
        return limited.get(selector, context);
      } catch (RateLimitReachedException e) {
        return List.of(); // 401, and not 500
      }
    };
  }
}
