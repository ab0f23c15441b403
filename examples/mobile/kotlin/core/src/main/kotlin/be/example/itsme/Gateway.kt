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
 * The gateway's HTTP API, one function for each call. This file holds every path, header and field that
 * the app uses.
 *
 * [origin] is public_url; [redirectUrl] is app_redirect_url, letter for letter.
 */
class Gateway(private val origin: HttpUrl, private val redirectUrl: String, client: OkHttpClient = OkHttpClient()) {
    // Longer than the gateway waits for Signicat. OkHttp keeps no cookies and no cache by itself.
    private val client = client.newBuilder().callTimeout(20, TimeUnit.SECONDS).readTimeout(20, TimeUnit.SECONDS)
        .followRedirects(false).followSslRedirects(false).build()

    class Started(val sessionId: String, val link: String, val expiresIn: Long, val interval: Long)

    /** Starts a login. The same challenge again within 30 s gives the same login. It is bound to the key of that thumbprint. */
    suspend fun start(challenge: String, language: String?, asked: Asked, key: String? = null): Started {
        val answer = post("/itsme/sessions") {
            put("code_challenge", challenge).put("code_challenge_method", "S256").put("redirect_uri", redirectUrl)
            putOpt("language", language).putOpt("acr_values", asked.acrValues).putOpt("max_age", asked.maxAge)
            putOpt("dpop_jkt", key)
        }
        val sessionId = answer.text("session_id")
        val link = answer.text("authorization_request_url")
        if (sessionId == null || link == null) throw Again(2) // an answer of another server, such as a Wi-Fi portal
        return Started(sessionId, link, answer.number("expires_in") ?: 300, answer.number("interval") ?: 2)
    }

    /** Returns the status of a login, or the code of the problem. Null without an answer of the gateway. */
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
    internal suspend fun redeem(login: Login, proofs: Proofs?): Tokens =
        tokens(proofs, "grant_type" to "authorization_code", "code" to login.code, "state" to login.state, "code_verifier" to login.verifier)

    /**
     * Exchanges a refresh token. One of a login with a key stays the same. Any other works once; until its
     * successor is used the same one gets the same successor.
     */
    internal suspend fun refresh(token: String, proofs: Proofs?): Tokens =
        tokens(proofs, "grant_type" to "refresh_token", "refresh_token" to token)

    /** Ends a login, even when its access token has expired. */
    suspend fun revoke(tokens: Tokens) {
        form("/itsme/revoke", "token" to (tokens.refresh ?: tokens.access))
    }

    /** Calls the service behind the gateway. Throws IOException when no answer arrives. */
    internal suspend fun call(method: String, path: String, access: String, body: RequestBody?, proofs: Proofs?): Answer =
        send(method, path, body, proofs, access)

    private suspend fun tokens(proofs: Proofs?, vararg fields: Pair<String, String?>): Tokens {
        val answer = form("/itsme/token", *fields, proofs = proofs)
        val access = answer.text("access_token") ?: throw Again(2) // an answer of another server
        val key = proofs?.thumbprint.takeIf { answer.text("token_type").equals("DPoP", ignoreCase = true) }
        return Tokens(access, answer.text("refresh_token"), key = key)
    }

    private suspend fun post(path: String, fill: JSONObject.() -> Unit): JSONObject =
        result(path, JSONObject().apply(fill).toString().toByteArray().toRequestBody("application/json".toMediaType()))

    private suspend fun form(path: String, vararg fields: Pair<String, String?>, proofs: Proofs? = null): JSONObject =
        result(path, FormBody.Builder().apply { for ((name, value) in fields) add(name, value.orEmpty()) }.build(), proofs)

    private suspend fun result(path: String, body: RequestBody, proofs: Proofs? = null): JSONObject {
        val answer = try {
            send("POST", path, body, proofs)
        } catch (e: IOException) {
            throw Again(2) // it may have arrived or not: the same again is safe
        }
        if (answer.status in 200..299) return answer.json
        throw refusal(answer)
    }

    /** Sends a request. When the gateway refuses the proof alone, it sends the request once more with a new one. */
    private suspend fun send(
        method: String,
        path: String,
        body: RequestBody? = null,
        proofs: Proofs? = null,
        access: String? = null,
    ): Answer {
        val url = origin.resolve(path)!!
        val scheme = if (proofs == null) "Bearer" else "DPoP"
        var repeated = false
        while (true) {
            val request = Request.Builder().url(url).method(method, body)
            if (access != null) request.header("Authorization", "$scheme $access")
            if (proofs != null) request.header("DPoP", proof(proofs, method, url, access))
            val answer = exchange(request.build())
            val fresh = proofs?.keep(answer.headers["DPoP-Nonce"]) ?: return answer
            if (repeated || !refusesProof(answer, fresh)) return answer
            repeated = true
        }
    }

    private fun proof(proofs: Proofs, method: String, url: HttpUrl, access: String?): String = try {
        proofs.make(method, url, access)
    } catch (e: Exception) { // what the Keystore and its provider throw
        throw Again(2, Reason.STORAGE) // a locked phone has not lost its key
    }

    private suspend fun exchange(request: Request): Answer = suspendCancellableCoroutine { waiting ->
        val call = client.newCall(request)
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

/** Why a login or a call did not succeed. docs/mobile-code.md says what to show for each. */
enum class Reason { REFUSED, EXPIRED, OVER, UNREACHABLE, STORAGE, LOGGED_OUT, STEP_UP, NOT_ENOUGH, FAILED }

/** A refusal to start, to finish or to call. [asked] is what the next login needs. */
class Refusal(val reason: Reason, val asked: Asked? = null) : Exception(reason.name)

/** No final answer: the same request may be sent again after some seconds. */
internal class Again(val seconds: Long, val reason: Reason = Reason.UNREACHABLE) : Exception()

/** Returns whether a new proof may help: with the nonce that came, or after HTTP sent a proof twice. */
private fun refusesProof(answer: Answer, fresh: Boolean): Boolean {
    if (answer.status != 400 && answer.status != 401) return false
    val code = answer.json.text("error") ?: answer.json.text("code")
    return code == "invalid_dpop_proof" || (code == "use_dpop_nonce" && fresh)
}

/** Reads an error of the gateway. What another server answers is no final answer. */
private fun refusal(answer: Answer): Exception {
    val again = Again(answer.headers["Retry-After"]?.toLongOrNull() ?: 5)
    if (answer.status !in 400..499 || answer.status in setOf(408, 425, 429)) return again
    return when (answer.json.text("error") ?: answer.json.text("code")) {
        "authorization_pending" -> Again(answer.json.number("interval") ?: 2)
        "access_denied" -> Refusal(Reason.REFUSED)
        "expired_token" -> Refusal(Reason.EXPIRED)
        "invalid_grant", "session_unknown" -> Refusal(Reason.OVER)
        "invalid_request", "invalid_client", "invalid_dpop_proof", "unsupported_grant_type" -> Refusal(Reason.FAILED)
        else -> again
    }
}
