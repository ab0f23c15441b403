// Unverified: not compiled here. Kotlin 1.9, Android 8 (API 26).
package be.example.app

import android.app.Application
import android.content.ActivityNotFoundException
import android.content.Intent
import android.net.Uri
import android.os.SystemClock
import androidx.lifecycle.AndroidViewModel
import androidx.lifecycle.viewModelScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import okhttp3.HttpUrl.Companion.toHttpUrl
import org.json.JSONObject

/** One person's login, from the tap on the button to the logout. */
class ItsmeLogin(application: Application) : AndroidViewModel(application) {
    sealed interface State {
        data class LoggedOut(val message: String?) : State

        object Busy : State

        /** The person is at itsme, or was. */
        object Away : State

        /** The person is back, and no answer came: offer "open itsme again" and "start over". */
        data class Unanswered(val login: Started) : State

        object LoggedIn : State
    }

    /** What has to be there when itsme comes back, even into a new process. */
    data class Started(val sessionId: String, val verifier: String, val link: String, val expiresAt: Long, val interval: Long)

    private val gateway = ItsmeGateway("https://app.example.be".toHttpUrl(), "https://app.example.be/itsme/app/callback")
    private val vault = Vault(application)
    private val refreshing = Mutex()
    private val current = MutableStateFlow<State>(
        when {
            storedTokens() != null -> State.LoggedIn
            started().isNotEmpty() -> State.Away
            else -> State.LoggedOut(null)
        },
    )
    val state: StateFlow<State> = current

    // To itsme.

    fun start() {
        current.value = State.Busy
        viewModelScope.launch {
            reporting {
                val verifier = Pkce.verifier()
                val told = patiently(20) { gateway.start(Pkce.hash(verifier)) }
                val expiresAt = System.currentTimeMillis() + told.expiresIn * 1000
                val login = Started(told.sessionId, verifier, told.link, expiresAt, told.interval)
                keep(started() + (login.sessionId to login)) // before itsme opens
                openItsme(login)
            }
        }
    }

    /** Opens the itsme app, or its page in the browser where the app is not installed. */
    fun openItsme(login: Started) {
        current.value = State.Away
        val intent = Intent(Intent.ACTION_VIEW, Uri.parse(login.link)).addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
        try {
            getApplication<Application>().startActivity(intent)
        } catch (e: ActivityNotFoundException) {
            current.value = State.LoggedOut("Please install itsme, or a browser.")
        }
    }

    // And back.

    /**
     * Takes an app link. Anybody can send one: it counts only for a login that this app began, and
     * once.
     */
    fun comeBack(uri: Uri) {
        val itsmeState = uri.getQueryParameter("state") ?: return
        val login = started()[Pkce.hash(itsmeState)] ?: return
        keep(started() - login.sessionId)
        current.value = State.Busy
        val code = uri.getQueryParameter("code")
        viewModelScope.launch {
            reporting {
                if (code == null) {
                    // The person refused, or itsme failed. The gateway ends the login at Signicat, too.
                    gateway.cancel(login.sessionId, login.verifier, uri.getQueryParameter("error"))
                    throw Refusal.Denied()
                }
                val tokens = patiently(60) { gateway.redeem(code, itsmeState, login.verifier) }
                keep(tokens)
                current.value = State.LoggedIn
            }
        }
    }

    /** Called when the app comes to the foreground, which happens before an app link arrives. */
    fun foreground() {
        if (current.value != State.Away) return
        viewModelScope.launch {
            val login = started().values.maxByOrNull { it.expiresAt }
            if (login == null) {
                current.value = State.LoggedOut("It took too long. Please log in again.")
                return@launch
            }
            delay(2 * login.interval * 1000)
            if (current.value != State.Away) return@launch // the link arrived meanwhile
            val pending = try {
                gateway.isPending(login.sessionId)
            } catch (e: Refusal) {
                e is Refusal.Again // unknown there: over
            }
            if (current.value != State.Away) return@launch
            if (pending) {
                current.value = State.Unanswered(login)
            } else {
                keep(started() - login.sessionId)
                current.value = State.LoggedOut("You did not log in.")
            }
        }
    }

    fun startOver(login: Started) {
        keep(started() - login.sessionId)
        viewModelScope.launch {
            try {
                gateway.cancel(login.sessionId, login.verifier, null)
            } catch (e: Refusal) {
                // It ends by itself.
            }
            start()
        }
    }

    // Logged in.

    /** Calls the service. An access token that has expired is exchanged, once for all calls. */
    suspend fun profile(): String? = reporting {
        val tokens = storedTokens() ?: throw Refusal.Over()
        try {
            gateway.profile(tokens.access)
        } catch (e: Refusal.Over) {
            gateway.profile(refreshed(tokens).access)
        }
    }

    private suspend fun refreshed(tokens: ItsmeGateway.Tokens): ItsmeGateway.Tokens = refreshing.withLock {
        val now = storedTokens() ?: throw Refusal.Over()
        if (now.access != tokens.access) return@withLock now
        val refresh = now.refresh ?: throw Refusal.Over()
        patiently(25) { gateway.refresh(refresh) }.also { keep(it) }
    }

    fun logOut() {
        val tokens = storedTokens()
        vault["tokens"] = null
        current.value = State.LoggedOut(null)
        viewModelScope.launch {
            try {
                if (tokens != null) gateway.revoke(tokens)
            } catch (e: Refusal) {
                // The tokens end by themselves; this device has forgotten them.
            }
        }
    }

    // What is kept.

    private fun storedTokens(): ItsmeGateway.Tokens? = vault["tokens"]?.let {
        val kept = JSONObject(it)
        ItsmeGateway.Tokens(kept.getString("access"), kept.optString("refresh").ifEmpty { null })
    }

    private fun keep(tokens: ItsmeGateway.Tokens) {
        vault["tokens"] = JSONObject().put("access", tokens.access).put("refresh", tokens.refresh ?: "").toString()
    }

    /** Logins under way, by session_id. */
    private fun started(): Map<String, Started> {
        val kept = JSONObject(vault["started"] ?: "{}")
        return kept.keys().asSequence().associateWith { id ->
            val login = kept.getJSONObject(id)
            Started(id, login.getString("verifier"), login.getString("link"), login.getLong("expiresAt"), login.getLong("interval"))
        }.filterValues { it.expiresAt > System.currentTimeMillis() }
    }

    private fun keep(logins: Map<String, Started>) {
        val kept = JSONObject()
        for ((id, login) in logins) {
            kept.put(
                id,
                JSONObject().put("verifier", login.verifier).put("link", login.link)
                    .put("expiresAt", login.expiresAt).put("interval", login.interval),
            )
        }
        vault["started"] = kept.toString()
    }

    // What went wrong.

    /** Makes a call again while the gateway says so, and while no answer arrives. */
    private suspend fun <T> patiently(seconds: Long, call: suspend () -> T): T {
        val end = SystemClock.elapsedRealtime() + seconds * 1000
        while (true) {
            try {
                return call()
            } catch (e: Refusal.Again) {
                if (SystemClock.elapsedRealtime() + e.after * 1000 > end) throw e
                delay(e.after * 1000)
            }
        }
    }

    /** Does something, or says why not. A login that is there stays there, unless it is over. */
    private suspend fun <T> reporting(work: suspend () -> T): T? {
        try {
            return work()
        } catch (e: Refusal) {
            if (e is Refusal.Over) vault["tokens"] = null else if (current.value == State.LoggedIn) return null
            current.value = State.LoggedOut(
                when (e) {
                    is Refusal.Again -> "No connection. Please try again."
                    is Refusal.Denied -> "You did not log in."
                    is Refusal.Expired -> "It took too long. Please log in again."
                    is Refusal.Over -> "Please log in again."
                    is Refusal.Failed -> "Something went wrong. Please try again."
                },
            )
            return null
        }
    }
}
