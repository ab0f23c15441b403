// Unverified: not compiled here. Kotlin 1.9, Android 8 (API 26), OkHttp 4.12.
package be.example.app

import java.io.IOException
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import okhttp3.FormBody
import okhttp3.HttpUrl
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response
import org.json.JSONException
import org.json.JSONObject

/**
 * The gateway's HTTP API, one function a call. This file holds every path, header and field that
 * the app uses; ../transcript.txt shows them on the wire.
 *
 * [origin] is public_url; [redirectUrl] is app_redirect_url, letter for letter.
 */
class ItsmeGateway(private val origin: HttpUrl, private val redirectUrl: String) {
    // Longer than the gateway waits for Signicat. OkHttp keeps no cookies and no cache by itself.
    private val client = OkHttpClient.Builder().readTimeout(20, TimeUnit.SECONDS).followRedirects(false).build()

    data class Started(val sessionId: String, val link: String, val expiresIn: Long, val interval: Long)

    /** [refresh] is null when the gateway has no token { refresh }. */
    data class Tokens(val access: String, val refresh: String?)

    /** Starts a login. The same challenge again within 30 s gives the same login. */
    suspend fun start(challenge: String): Started {
        val body = JSONObject()
            .put("code_challenge", challenge)
            .put("code_challenge_method", "S256")
            .put("redirect_uri", redirectUrl)
        val told = JSONObject(send("POST", "/itsme/sessions", json(body)))
        return Started(
            told.getString("session_id"), told.getString("authorization_request_url"),
            told.getLong("expires_in"), told.getLong("interval"),
        )
    }

    /** Tells whether a login can still be finished. */
    suspend fun isPending(sessionId: String): Boolean =
        JSONObject(send("GET", "/itsme/sessions/$sessionId")).getString("status") == "pending"

    /** Gives a login up. The error is what itsme put on the redirect URL, if it did. */
    suspend fun cancel(sessionId: String, verifier: String, error: String?) {
        val body = JSONObject().put("code_verifier", verifier)
        if (error != null) body.put("error", error)
        send("POST", "/itsme/sessions/$sessionId/cancel", json(body))
    }

    /** Presents what came back. For 60 s the same call gets the same tokens. */
    suspend fun redeem(code: String, state: String, verifier: String): Tokens {
        val form = FormBody.Builder()
            .add("grant_type", "authorization_code")
            .add("code", code)
            .add("state", state)
            .add("code_verifier", verifier)
        return tokens(send("POST", "/itsme/token", form.build()))
    }

    /** Exchanges a refresh token, which works once; for 30 s the same one gets the same successor. */
    suspend fun refresh(token: String): Tokens {
        val form = FormBody.Builder().add("grant_type", "refresh_token").add("refresh_token", token)
        return tokens(send("POST", "/itsme/token", form.build()))
    }

    /** Ends a login, even when its access token has expired. */
    suspend fun revoke(tokens: Tokens) {
        send("POST", "/itsme/revoke", FormBody.Builder().add("token", tokens.refresh ?: tokens.access).build())
    }

    /** Calls the service behind the gateway. */
    suspend fun profile(accessToken: String): String = send("GET", "/api/profile", bearer = accessToken)

    private fun tokens(body: String): Tokens {
        val told = JSONObject(body)
        return Tokens(told.getString("access_token"), told.optString("refresh_token").ifEmpty { null })
    }

    private fun json(body: JSONObject): RequestBody =
        body.toString().toByteArray().toRequestBody("application/json".toMediaType())

    private suspend fun send(method: String, path: String, body: RequestBody? = null, bearer: String? = null): String =
        withContext(Dispatchers.IO) {
            val request = Request.Builder().url(origin.resolve(path)!!).method(method, body)
            if (bearer != null) request.header("Authorization", "Bearer $bearer")
            try {
                client.newCall(request.build()).execute().use { response ->
                    val text = response.body!!.string()
                    if (!response.isSuccessful) throw Refusal.of(response, text)
                    text
                }
            } catch (e: IOException) {
                throw Refusal.Again(2) // nobody knows whether it arrived
            }
        }
}

/** Why a call did not do what it was to do. */
sealed class Refusal : Exception() {
    /** The same call may be made again, in so many seconds. */
    class Again(val after: Long) : Refusal()

    /** The person refused, or the login was cancelled. */
    class Denied : Refusal()

    /** The person took too long. */
    class Expired : Refusal()

    /** The login or the token counts for nothing, or no more. */
    class Over : Refusal()

    class Failed : Refusal()

    companion object {
        fun of(response: Response, body: String): Refusal {
            val told = try {
                JSONObject(body)
            } catch (e: JSONException) {
                JSONObject()
            }
            return when (told.optString("error")) {
                "authorization_pending" -> Again(told.optLong("interval", 2))
                "access_denied" -> Denied()
                "expired_token" -> Expired()
                "invalid_grant" -> Over()
                else -> when (response.code) {
                    401 -> Over()
                    429, 503 -> Again(response.header("Retry-After")?.toLongOrNull() ?: 5)
                    else -> Failed()
                }
            }
        }
    }
}
