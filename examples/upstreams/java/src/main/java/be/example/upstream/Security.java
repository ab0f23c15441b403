package be.example.upstream;

import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
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
   * Not the decoder that issuer-uri makes: that one takes typ JWT or none and refuses at+jwt, and
   * does not look at aud. The keys are cached, and fetched again for a kid that is not among them.
   */
  @Bean
  JwtDecoder decoder(
      @Value("${gateway.jwks-url}") String jwksUrl,
      @Value("${gateway.issuer}") String issuer,
      @Value("${gateway.audience}") String audience,
      @Value("${gateway.client-id}") String clientId) {
    NimbusJwtDecoder decoder = NimbusJwtDecoder.withJwkSetUri(jwksUrl)
        .jwsAlgorithm(SignatureAlgorithm.ES256) // the gateway's token algorithm
        .validateType(false) // the validator below does, and accepts no other
        .build();
    decoder.setJwtValidator(JwtValidators.createAtJwtValidator() // exp, iat, jti and sub are required
        .issuer(issuer)
        .audience(audience)
        .clientId(clientId) // the host of the gateway's public_url
        .validators(v -> v.put("typ", new JwtTypeValidator("at+jwt")))
        .build());
    return decoder;
  }
}
