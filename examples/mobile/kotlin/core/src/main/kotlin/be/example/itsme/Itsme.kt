package be.example.itsme

import java.io.IOException
import java.security.KeyPair
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import okhttp3.RequestBody

/** What the core needs of the phone. */
interface Device {
    /** Reads what [write] stored, null if nothing is stored. Throws when storage cannot be read. */
    fun read(): String?

    /** Stores a text that outlives the process, encrypted and on this device alone. Null deletes it. */
    fun write(text: String?)

    /** Opens a link with the system, never in a web view. Returns false when nothing opens it. */
    suspend fun open(link: String): Boolean

    /** The language of the app's texts, such as nl or fr-BE. */
    val language: String

    /**
     * Returns the key that binds logins to this phone (DPoP), and makes it if there is none: P-256, which
     * the Keystore does not export. Throws when the key cannot be used now. Null in an app without a key.
     */
    fun key(): KeyPair? = null

    fun now(): Long = System.currentTimeMillis()

    suspend fun sleep(milliseconds: Long) = delay(milliseconds)
}

sealed interface State {
    /** Before the first [Itsme.resume]. */
    data object Unread : State

    /** Storage cannot be read: not the same as logged out. */
    data object Unreadable : State

    data class LoggedOut(val reason: Reason? = null) : State

    data object Starting : State

    data object AtItsme : State

    /** The user is back, or itsme did not open. */
    data object Unanswered : State

    data object Finishing : State

    /** The code is stored, and the gateway has not answered. */
    data object Unfinished : State

    /** [reason] is why another login did not succeed. */
    data class LoggedIn(val reason: Reason? = null) : State
}

/**
 * The login of one user: the state machine of docs/mobile-code.md. The process has one of it, which
 * outlives every screen: what it does runs in its own scope, on one thread at a time.
 */
class Itsme(private val device: Device, private val gateway: Gateway) {
    @OptIn(ExperimentalCoroutinesApi::class)
    private val confined = Dispatchers.IO.limitedParallelism(1)
    private val scope = CoroutineScope(SupervisorJob() + confined)
    private val current = MutableStateFlow<State>(State.Unread)
    val state: StateFlow<State> = current.asStateFlow()

    private var kept: Kept? = null // null until storage was read
    private var attempt = 0 // changes when the user gives up
    private var late: String? = null // a link that arrived before storage could be read
    private var unwritten = false
    private var refreshing: Deferred<Tokens>? = null
    private var proofs: Proofs? = null

    // To itsme.

    /** Starts a login and opens itsme. It replaces a login under way. Call it from the user's tap. */
    fun start(asked: Asked = Asked()): Job = scope.launch {
        if (current.value == State.Starting || current.value == State.Finishing) return@launch
        val mine = ++attempt
        load() // unreadable: the user chose to log in anew
        current.value = State.Starting
        try {
            val verifier = Pkce.verifier()
            val login = patiently(20) {
                val key = proofs()?.thumbprint
                val started = gateway.start(Pkce.hash(verifier), language(), asked, key)
                val expiresAt = device.now() + 1000 * started.expiresIn
                Login(started.sessionId, verifier, started.link, expiresAt, started.interval, asked, key = key)
            }
            if (mine != attempt) return@launch cancel(login)
            val before = kept
            if (!keep((before ?: Kept()).copy(login = login))) { // before itsme opens
                kept = before
                cancel(login)
                throw Refusal(Reason.STORAGE)
            }
            before?.login?.let(::cancel)
            open(login)
        } catch (e: Exception) {
            if (mine == attempt) end(reasonOf(e))
        }
    }

    /** Opens itsme for the login under way. It may be called again. */
    fun openItsme(): Job = scope.launch { kept?.login?.let { if (it.code == null) open(it) } }

    private suspend fun open(login: Login) {
        current.value = State.AtItsme
        if (!device.open(login.link) && kept?.login === login) current.value = State.Unanswered
    }

    /** Cancels the login under way. It ends every state in which the app waits. */
    fun giveUp(): Job = scope.launch {
        attempt++
        val login = kept?.login
        end(null)
        login?.let(::cancel)
    }

    // And back.

    /**
     * Takes a link that opened the app, and returns whether it belongs to the login under way. Any
     * app and any page can send links: this one counts by the hash of its state.
     */
    fun link(url: String): Deferred<Boolean> = scope.async { take(url) }

    private suspend fun take(url: String): Boolean {
        val back = Callback.read(url) ?: return false
        if (!load()) {
            late = url
            return false
        }
        val login = kept?.login ?: return false
        if (Pkce.hash(back.state) != login.sessionId) return false
        if (login.code != null) return true // the same link again
        if (back.code == null) {
            end(if (back.error == "access_denied") Reason.REFUSED else Reason.FAILED)
            cancel(login, back.error)
            return true
        }
        attempt++ // a start that is under way gives way to the login that came back
        val returned = login.copy(code = back.code, state = back.state)
        keep(kept!!.copy(login = returned))
        finish(returned)
        return true
    }

    /** Call it when the app starts and whenever it comes to the foreground. */
    fun resume(): Job = scope.launch {
        if (!load()) return@launch
        late?.let { take(it) }
        late = null
        if (unwritten) kept?.let(::keep)
        val login = kept?.login ?: return@launch
        when {
            current.value == State.Starting -> return@launch
            login.code != null -> finish(login)
            login.expiresAt < device.now() -> end(Reason.EXPIRED)
            else -> {
                device.sleep(2000 * login.interval) // the link may be on its way
                ask(login)
            }
        }
    }

    /** Asks how a login stands from which the user came back without an answer. */
    private suspend fun ask(login: Login) {
        fun waits() = kept?.login === login && current.value == State.AtItsme
        if (!waits()) return
        val status = gateway.status(login.sessionId)
        if (!waits()) return
        when (status) {
            "denied", "aborted", "cancelled" -> end(Reason.REFUSED)
            "expired", "session_unknown" -> end(Reason.EXPIRED)
            "failed" -> end(Reason.FAILED)
            "issued" -> end(Reason.OVER)
            else -> current.value = State.Unanswered // pending, or no answer
        }
    }

    /** Redeems the code. Without a final answer the code stays stored, and resume tries again. */
    private suspend fun finish(login: Login) {
        if (current.value == State.Finishing) return
        current.value = State.Finishing
        try {
            val tokens = patiently(60) { gateway.redeem(login, proofsOf(login.key)) }
            if (kept?.login !== login) return revoke(tokens) // given up meanwhile
            kept?.tokens?.let(::revoke) // of the login that this one replaces
            keep(Kept(tokens = tokens.copy(asked = login.asked, at = device.now())))
            current.value = State.LoggedIn()
        } catch (e: Exception) {
            if (kept?.login !== login) return
            if (e is Again) current.value = State.Unfinished else end(reasonOf(e))
        }
    }

    // Logged in.

    /** Calls the service with the access token. Throws a [Refusal] when the gateway refuses the login. */
    suspend fun call(method: String, path: String, body: RequestBody? = null): Answer = withContext(confined) {
        if (!load()) throw Refusal(Reason.STORAGE)
        var tokens = kept?.tokens ?: throw Refusal(Reason.LOGGED_OUT)
        var refreshed = false
        while (true) {
            val answer = presented(tokens, method, path, body)
            val code = if (answer.status == 401) answer.json.text("code") else null
            if (code == "insufficient_login") throw stepUp(tokens, answer.headers["WWW-Authenticate"].orEmpty(), device.now())
            if (refreshed || (code != "invalid_token" && code != "authentication_required")) return@withContext answer
            tokens = refreshed(tokens)
            refreshed = true
        }
        @Suppress("UNREACHABLE_CODE")
        error("the loop returns")
    }

    /** Sends a request with the access token, and with a proof if the token is bound. */
    private suspend fun presented(tokens: Tokens, method: String, path: String, body: RequestBody?): Answer = try {
        gateway.call(method, path, tokens.access, body, tokens.key?.let { proofsOf(it) })
    } catch (e: IOException) {
        throw Refusal(Reason.UNREACHABLE)
    } catch (e: Exception) {
        throw refused(tokens, e)
    }

    /** Returns newer tokens. All calls share one exchange, which goes on when a caller is cancelled. */
    private suspend fun refreshed(tokens: Tokens): Tokens {
        val now = kept?.tokens ?: throw Refusal(Reason.LOGGED_OUT)
        if (now !== tokens) return now
        val exchange = refreshing ?: scope.async {
            try {
                refresh(tokens)
            } finally {
                refreshing = null
            }
        }.also { refreshing = it }
        return exchange.await()
    }

    private suspend fun refresh(tokens: Tokens): Tokens {
        try {
            val answer = patiently(25) { gateway.refresh(tokens.refresh ?: throw Refusal(Reason.OVER), proofsOf(tokens.key)) }
            val next = tokens.copy(access = answer.access, refresh = answer.refresh ?: tokens.refresh, key = answer.key)
            if (kept?.tokens !== tokens) {
                revoke(next) // a logout or another login came first
                return kept?.tokens ?: throw Refusal(Reason.LOGGED_OUT)
            }
            keep(kept!!.copy(tokens = next))
            return next
        } catch (e: Exception) {
            throw refused(tokens, e)
        }
    }

    /** Returns the refusal for an error. It forgets tokens that are over. */
    private fun refused(tokens: Tokens, e: Exception): Refusal {
        val reason = reasonOf(e)
        if (reason == Reason.OVER && kept?.tokens === tokens) {
            keep(Kept(login = kept?.login))
            if (kept?.login == null) current.value = State.LoggedOut(reason)
        }
        return Refusal(reason)
    }

    /** Returns the maker of proofs with this phone's key. Null in an app without a key. */
    private fun proofs(): Proofs? = proofs ?: try {
        device.key()?.let { Proofs(it, device::now) }.also { proofs = it }
    } catch (e: Exception) { // what the Keystore and its provider throw
        throw Again(2, Reason.STORAGE) // a locked phone has not lost its key
    }

    /** Returns the maker of proofs for a login. Without the key that it is bound to, the user logs in again. */
    private fun proofsOf(key: String?): Proofs? {
        val proofs = proofs()
        if (key != null && key != proofs?.thumbprint) throw Refusal(Reason.OVER)
        return proofs
    }

    /** Forgets the login at once, and ends it at the gateway. */
    fun logOut(): Job = scope.launch {
        val (login, tokens) = kept ?: return@launch // unreadable: there is nothing that could be ended
        attempt++
        keep(Kept())
        current.value = State.LoggedOut()
        login?.let(::cancel)
        tokens?.let(::revoke)
    }

    // What is kept.

    /** Reads storage once. Returns whether it could. It never deletes anything. */
    private fun load(): Boolean {
        if (kept != null) return true
        val read = try {
            Kept.read(device.read())
        } catch (e: Exception) { // what the Keystore, its provider and JSON throw
            current.value = State.Unreadable
            return false
        }
        kept = read
        current.value = when {
            read.login?.code != null -> State.Unfinished
            read.login != null -> State.AtItsme
            read.tokens != null -> State.LoggedIn()
            else -> State.LoggedOut()
        }
        return true
    }

    /** Keeps something in memory and in storage. Returns whether storage has it. */
    private fun keep(next: Kept): Boolean {
        kept = next
        unwritten = try {
            device.write(next.write())
            false
        } catch (e: Exception) {
            true // resume writes it again
        }
        return !unwritten
    }

    /** Ends the login under way. The tokens of an older login stay. */
    private fun end(reason: Reason?) {
        kept?.let { if (it.login != null) keep(Kept(tokens = it.tokens)) }
        val now = kept
        current.value = when {
            now == null -> State.Unreadable
            now.tokens != null -> State.LoggedIn(reason)
            else -> State.LoggedOut(reason)
        }
    }

    // The gateway.

    /** Cancels a login at the gateway and at Signicat. Without this request the login expires. */
    private fun cancel(login: Login, error: String? = null) = quietly { gateway.cancel(login, error) }

    private fun cancel(login: Login) = cancel(login, null)

    private fun revoke(tokens: Tokens) = quietly { gateway.revoke(tokens) }

    private fun quietly(send: suspend () -> Unit) {
        scope.launch {
            try {
                patiently(20, send)
            } catch (e: Again) {
                return@launch
            } catch (e: Refusal) {
                return@launch
            }
        }
    }

    /** Sends the same again while the gateway says so and while no answer arrives. */
    private suspend fun <T> patiently(seconds: Long, send: suspend () -> T): T {
        val end = device.now() + 1000 * seconds
        while (true) {
            try {
                return send()
            } catch (e: Again) {
                if (device.now() + 1000 * e.seconds > end) throw e
                device.sleep(1000 * e.seconds)
            }
        }
    }

    private fun language(): String? = device.language.take(2).lowercase().takeIf { it in setOf("nl", "fr", "de", "en") }
}

/** Reads RFC 9470's challenge. A login that was asked for the same a moment ago cannot be improved. */
private fun stepUp(tokens: Tokens, challenge: String, now: Long): Refusal {
    val acrValues = Regex("""\bacr_values="([^"]+)"""").find(challenge)?.groupValues?.get(1)
    val maxAge = Regex("""\bmax_age="?(\d{1,9})""").find(challenge)?.groupValues?.get(1)?.toLong()
    val tooOld = maxAge != null && now - tokens.at > 1000 * maxAge
    if (tokens.asked.acrValues == acrValues && !tooOld) return Refusal(Reason.NOT_ENOUGH)
    return Refusal(Reason.STEP_UP, Asked(acrValues, maxAge))
}

private fun reasonOf(e: Exception): Reason = when (e) {
    is CancellationException -> throw e
    is Refusal -> e.reason
    is Again -> e.reason
    else -> Reason.FAILED
}
