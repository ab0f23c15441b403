package be.example.itsme

import org.json.JSONObject

/** What a login is asked for, beyond the gateway's own configuration. */
data class Asked(val acrValues: String? = null, val maxAge: Long? = null)

/**
 * A login under way. [code] and [state] are there once itsme came back, until a final answer. [key] is
 * the thumbprint of the key that it began with. It names the key, which the system keeps.
 */
data class Login(
    val sessionId: String,
    val verifier: String,
    val link: String,
    val expiresAt: Long,
    val interval: Long,
    val asked: Asked,
    val code: String? = null,
    val state: String? = null,
    val key: String? = null,
)

/**
 * The tokens of a login. [refresh] is null when the gateway has no token { refresh }. [asked] and
 * [at] say what the login was asked for, and when it ended: no step-up is offered twice. [key] is
 * the thumbprint of the key that the tokens are bound to. Without one they are bearer tokens.
 */
data class Tokens(
    val access: String,
    val refresh: String?,
    val asked: Asked = Asked(),
    val at: Long = 0,
    val key: String? = null,
)

/** All that is stored. It is written as one text, so that no half of it can be lost. */
data class Kept(val login: Login? = null, val tokens: Tokens? = null) {
    /** Returns the text to store, null when there is nothing. */
    fun write(): String? = if (login == null && tokens == null) null else JSONObject().apply {
        login?.let {
            put(
                "login",
                JSONObject().put("session_id", it.sessionId).put("verifier", it.verifier).put("link", it.link)
                    .put("expires_at", it.expiresAt).put("interval", it.interval).put("asked", it.asked.write())
                    .putOpt("code", it.code).putOpt("state", it.state).putOpt("key", it.key),
            )
        }
        tokens?.let {
            put(
                "tokens",
                JSONObject().put("access", it.access).putOpt("refresh", it.refresh).put("asked", it.asked.write()).put("at", it.at)
                    .putOpt("key", it.key),
            )
        }
    }.toString()

    companion object {
        /** Reads what [write] returned. Throws JSONException when the text is something else. */
        fun read(text: String?): Kept = if (text == null) Kept() else JSONObject(text).let { kept ->
            Kept(kept.optJSONObject("login")?.let(::login), kept.optJSONObject("tokens")?.let(::tokens))
        }

        private fun login(kept: JSONObject) = Login(
            kept.getString("session_id"), kept.getString("verifier"), kept.getString("link"), kept.getLong("expires_at"),
            kept.getLong("interval"), asked(kept), kept.text("code"), kept.text("state"), kept.text("key"),
        )

        private fun tokens(kept: JSONObject) =
            Tokens(kept.getString("access"), kept.text("refresh"), asked(kept), kept.getLong("at"), kept.text("key"))

        private fun asked(kept: JSONObject) = kept.getJSONObject("asked").let { Asked(it.text("acr_values"), it.number("max_age")) }
    }
}

private fun Asked.write(): JSONObject = JSONObject().putOpt("acr_values", acrValues).putOpt("max_age", maxAge)

/** A member that is a text and not empty. */
internal fun JSONObject.text(name: String): String? = (opt(name) as? String)?.ifEmpty { null }

internal fun JSONObject.number(name: String): Long? = (opt(name) as? Number)?.toLong()
