// Unverified: not compiled here. Kotlin 1.9, Android 8 (API 26).
package be.example.app

import android.util.Base64
import java.security.MessageDigest
import java.security.SecureRandom

/** RFC 7636: the secret that proves who started a login, and the hash of it that is sent first. */
object Pkce {
    fun verifier(): String = base64Url(ByteArray(32).also { SecureRandom().nextBytes(it) })

    /** base64url(SHA-256(text)): the challenge of a verifier, and the session_id of a state. */
    fun hash(text: String): String = base64Url(MessageDigest.getInstance("SHA-256").digest(text.toByteArray()))

    private fun base64Url(bytes: ByteArray): String =
        Base64.encodeToString(bytes, Base64.URL_SAFE or Base64.NO_PADDING or Base64.NO_WRAP)
}
