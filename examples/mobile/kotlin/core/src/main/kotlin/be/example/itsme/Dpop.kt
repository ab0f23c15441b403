package be.example.itsme

import java.math.BigInteger
import java.security.KeyPair
import java.security.SecureRandom
import java.security.Signature
import java.security.interfaces.ECPublicKey
import java.util.Base64
import okhttp3.HttpUrl
import org.json.JSONObject

/**
 * Makes proofs that the app has its key (DPoP, RFC 9449), and keeps the gateway's newest nonce for
 * them. The private key is a handle of the Keystore, which signs and does not export it.
 */
internal class Proofs(private val key: KeyPair, private val now: () -> Long) {
    private val x: String
    private val y: String

    val thumbprint: String

    private var nonce: String? = null

    init {
        val point = (key.public as ECPublicKey).w
        x = base64Url(word(point.affineX))
        y = base64Url(word(point.affineY))
        thumbprint = thumbprint(x, y)
    }

    /** Returns a proof for one request. It passes once: a repeated request needs another. */
    fun make(method: String, url: HttpUrl, access: String?): String {
        val jwk = JSONObject().put("kty", "EC").put("crv", "P-256").put("x", x).put("y", y)
        val header = JSONObject().put("typ", "dpop+jwt").put("alg", "ES256").put("jwk", jwk)
        val payload = JSONObject().put("jti", base64Url(ByteArray(16).also { SecureRandom().nextBytes(it) }))
            .put("htm", method).put("htu", url.newBuilder().query(null).fragment(null).build().toString())
            .put("iat", now() / 1000) // a wrong clock is corrected by a nonce
            .putOpt("ath", access?.let(Pkce::hash)).putOpt("nonce", nonce)
        val signed = base64Url(header.toString().toByteArray()) + "." + base64Url(payload.toString().toByteArray())
        val signature = Signature.getInstance("SHA256withECDSA").run {
            initSign(key.private)
            update(signed.toByteArray())
            sign()
        }
        return signed + "." + base64Url(joined(signature))
    }

    /** Keeps the nonce of an answer. Returns whether there was one. */
    fun keep(fresh: String?): Boolean {
        if (fresh == null || !NONCE.matches(fresh)) return false
        nonce = fresh
        return true
    }

    private companion object {
        val NONCE = Regex("""[!#-\[\]-~]{1,256}""") // NQCHAR of RFC 9449 section 8
    }
}

/** The name by which the gateway knows a key (RFC 7638). */
internal fun thumbprint(x: String, y: String): String = Pkce.hash("""{"crv":"P-256","kty":"EC","x":"$x","y":"$y"}""")

/** R and S as RFC 7518 section 3.4 joins them, from ASN.1: 30 length, 02 length R, 02 length S. */
internal fun joined(signature: ByteArray): ByteArray {
    val s = 4 + signature[3]
    return word(BigInteger(signature.copyOfRange(4, s))) + word(BigInteger(signature.copyOfRange(s + 2, signature.size)))
}

/** A number as 32 bytes. */
private fun word(number: BigInteger): ByteArray {
    val bytes = number.toByteArray().dropWhile { it == 0.toByte() }.toByteArray()
    return ByteArray(32 - bytes.size) + bytes
}

internal fun base64Url(bytes: ByteArray): String = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes)
