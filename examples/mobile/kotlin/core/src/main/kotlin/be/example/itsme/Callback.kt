package be.example.itsme

import java.net.URLDecoder
import java.security.MessageDigest
import java.security.SecureRandom

/** RFC 7636: the secret that proves which app started a login, and the hash of it that is sent first. */
object Pkce {
    fun verifier(): String = base64Url(ByteArray(32).also { SecureRandom().nextBytes(it) })

    /** base64url(SHA-256(text)): the challenge of a verifier, and the session_id of a state. */
    fun hash(text: String): String = base64Url(MessageDigest.getInstance("SHA-256").digest(text.toByteArray()))
}

/** What itsme put on the redirect URL. */
data class Callback(val state: String, val code: String?, val error: String?) {
    companion object {
        /** Reads the query of a redirect URL. Null when it has no state, or a parameter twice. */
        fun read(url: String): Callback? {
            val query = mutableMapOf<String, String>()
            for (pair in url.substringBefore('#').substringAfter('?', "").split('&').filter { it.isNotEmpty() }) {
                val name = decode(pair.substringBefore('='))
                if (query.put(name, decode(pair.substringAfter('=', ""))) != null) return null
            }
            val state = query["state"]?.ifEmpty { null } ?: return null
            return Callback(state, query["code"], query["error"])
        }

        private fun decode(text: String): String = try {
            URLDecoder.decode(text, "UTF-8")
        } catch (e: IllegalArgumentException) {
            ""
        }
    }
}
