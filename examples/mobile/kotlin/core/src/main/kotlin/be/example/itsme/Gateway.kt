package be.example.itsme

import java.io.IOException
import java.util.concurrent.TimeUnit
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlinx.coroutines.suspendCancellableCoroutine
import okhttp3.Call
import okhttp3.Callback as OkHttpCallback
import okhttp3.FormBody
import okhttp3.Headers
import okhttp3.HttpUrl
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response
import org.json.JSONException
import org.json.JSONObject

/** An answer, whatever its status. */
class Answer(val status: Int, val headers: Headers, val body: String) {
    /** The JSON object in the body, an empty one if there is none. */
    val json: JSONObject by lazy {
        try {
            JSONObject(body)
        } catch (e: JSONException) {
            JSONObject()
        }
    }
}

/**
 * The gateway's HTTP API, one function a call. This file holds every path, header and field that
 * the app uses.
 *
 * [origin] is public_url; [redirectUrl] is app_redirect_url, letter for letter.
 */
class Gateway(private val origin: HttpUrl, private val redirectUrl: String, client: OkHttpClient = OkHttpClient()) {
    // Longer than the gateway waits for Signicat. OkHttp keeps no cookies and no cache by itself.
    private val client = client.newBuilder().callTimeout(20, TimeUnit.SECONDS).readTimeout(20, TimeUnit.SECONDS)
        .followRedirects(false).followSslRedirects(false).build()

    class Started(val sessionId: String, val link: String, val expiresIn: Long, val interval: Long)

    /** Starts a login. The same challenge again within 30 s gives the same login. */
    suspend fun start(challenge: String, language: String?, asked: Asked): Started {
        val answer = post("/itsme/sessions") {
            put("code_challenge", challenge).put("code_challenge_method", "S256").put("redirect_uri", redirectUrl)
            putOpt("language", language).putOpt("acr_values", asked.acrValues).putOpt("max_age", asked.maxAge)
        }
        val sessionId = answer.text("session_id")
        val link = answer.text("authorization_request_url")
        if (sessionId == null || link == null) throw Again(2) // an answer of another server, such as a Wi-Fi portal
        return Started(sessionId, link, answer.number("expires_in") ?: 300, answer.number("interval") ?: 2)
    }

    /** Returns the status of a login, or the code of the problem. Null when no answer of the gateway says. */
    suspend fun status(sessionId: String): String? = try {
        val answer = send("GET", "/itsme/sessions/$sessionId")
        answer.json.text("status") ?: answer.json.text("code").takeIf { answer.status == 404 }
    } catch (e: IOException) {
        null
    }

    /** Cancels a login. The error is what itsme put on the redirect URL, if it did. */
    suspend fun cancel(login: Login, error: String?) {
        post("/itsme/sessions/${login.sessionId}/cancel") { put("code_verifier", login.verifier).putOpt("error", error) }
    }

    /** Presents what came back. For five minutes the same call gets the same tokens. */
    suspend fun redeem(login: Login): Tokens = tokens(
        form("/itsme/token", "grant_type" to "authorization_code", "code" to login.code, "state" to login.state, "code_verifier" to login.verifier),
    )

    /** Exchanges a refresh token, which works once; until its successor is used the same one gets the same successor. */
    suspend fun refresh(token: String): Tokens = tokens(form("/itsme/token", "grant_type" to "refresh_token", "refresh_token" to token))

    /** Ends a login, even when its access token has expired. */
    suspend fun revoke(tokens: Tokens) {
        form("/itsme/revoke", "token" to (tokens.refresh ?: tokens.access))
    }

    /** Calls the service behind the gateway. Throws IOException when no answer arrives. */
    suspend fun call(method: String, path: String, access: String, body: RequestBody?): Answer =
        send(method, path, body, "Bearer $access")

    private fun tokens(answer: JSONObject): Tokens =
        Tokens(answer.text("access_token") ?: throw Again(2), answer.text("refresh_token")) // else of another server

    private suspend fun post(path: String, fill: JSONObject.() -> Unit): JSONObject =
        result(path, JSONObject().apply(fill).toString().toByteArray().toRequestBody("application/json".toMediaType()))

    private suspend fun form(path: String, vararg fields: Pair<String, String?>): JSONObject =
        result(path, FormBody.Builder().apply { for ((name, value) in fields) add(name, value.orEmpty()) }.build())

    private suspend fun result(path: String, body: RequestBody): JSONObject {
        val answer = try {
            send("POST", path, body)
        } catch (e: IOException) {
            throw Again(2) // it may have arrived or not: the same again is safe
        }
        if (answer.status in 200..299) return answer.json
        throw refusal(answer)
    }

    private suspend fun send(method: String, path: String, body: RequestBody? = null, authorization: String? = null): Answer {
        val request = Request.Builder().url(origin.resolve(path)!!).method(method, body)
        if (authorization != null) request.header("Authorization", authorization)
        return suspendCancellableCoroutine { waiting ->
            val call = client.newCall(request.build())
            waiting.invokeOnCancellation { call.cancel() }
            call.enqueue(object : OkHttpCallback {
                override fun onFailure(call: Call, e: IOException) = waiting.resumeWithException(e)

                override fun onResponse(call: Call, response: Response) {
                    val answer = try {
                        response.use { Answer(it.code, it.headers, it.body.string()) }
                    } catch (e: IOException) {
                        return waiting.resumeWithException(e)
                    }
                    waiting.resume(answer)
                }
            })
        }
    }
}

/** Why a login or a call did not succeed. docs/mobile.md says what to show for each. */
enum class Reason { REFUSED, EXPIRED, OVER, UNREACHABLE, STORAGE, LOGGED_OUT, STEP_UP, NOT_ENOUGH, FAILED }

/** A refusal to start, to finish or to call. [asked] is what the next login needs. */
class Refusal(val reason: Reason, val asked: Asked? = null) : Exception(reason.name)

/** No final answer: the same request may be sent again after some seconds. */
internal class Again(val seconds: Long) : Exception()

/** Reads an error of the gateway. What another server answers is no final answer. */
private fun refusal(answer: Answer): Exception {
    val again = Again(answer.headers["Retry-After"]?.toLongOrNull() ?: 5)
    if (answer.status in setOf(408, 425, 429) || answer.status >= 500) return again
    return when (answer.json.text("error") ?: answer.json.text("code")) {
        "authorization_pending" -> Again(answer.json.number("interval") ?: 2)
        "access_denied" -> Refusal(Reason.REFUSED)
        "expired_token" -> Refusal(Reason.EXPIRED)
        "invalid_grant", "session_unknown" -> Refusal(Reason.OVER)
        "invalid_request", "invalid_client", "unsupported_grant_type" -> Refusal(Reason.FAILED)
        else -> again
    }
}
