package be.example.itsme

import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.json.JSONObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assertions.fail
import org.junit.jupiter.api.Test

/** Plays logins against a gateway: caddy-itsme demo, at ITSME_GATEWAY or http://127.0.0.1:8080. */
class ItsmeTest {
    private val profile = "/api/profile"

    private fun refresh(token: String) = post("/itsme/token", "grant_type" to "refresh_token", "refresh_token" to token)

    @Test
    fun `a login calls the service, and ends with the logout`() = play {
        val (phone, app) = loggedIn()
        val answer = app.call("GET", profile)
        assertEquals(200, answer.status)
        assertTrue("Lien Peeters" in answer.body)
        val token = phone.kept.tokens!!.refresh!!
        app.logOut().join()
        assertNull(phone.stored)
        refusedWith(Reason.LOGGED_OUT) { app.call("GET", profile) }
        eventually { "/itsme/revoke" in phone.answered }
        assertTrue("invalid_grant" in refresh(token))
    }

    @Test
    fun `the language is sent, and no language that the gateway does not offer`() = play {
        for ((locale, sent) in listOf("nl-BE" to "nl", "fr" to "fr", "pt-BR" to "")) {
            val phone = Phone().apply { language = locale }
            phone.app().start().join()
            assertEquals(sent, JSONObject(phone.sent[0].second).optString("language"))
        }
    }

    @Test
    fun `a refusal is final, and is cancelled`() = play {
        val (phone, app) = atItsme()
        app.link(phone.refuse()).await()
        assertEquals(State.LoggedOut(Reason.REFUSED), app.state.value)
        assertNull(phone.stored)
        eventually { phone.count("/cancel", "access_denied") == 1 }
    }

    @Test
    fun `the link of another login is ignored`() = play {
        val (other, _) = atItsme()
        val (_, app) = atItsme()
        assertFalse(app.link(other.approve()).await())
        assertFalse(app.link("$redirectUrl?code=x&state=made-up").await())
        assertEquals(State.AtItsme, app.state.value)
    }

    @Test
    fun `a user who comes back without an answer opens itsme again, or starts over`() = play {
        val (phone, app) = atItsme()
        app.resume().join()
        assertEquals(State.Unanswered, app.state.value)
        app.openItsme().join()
        assertEquals(phone.opened[0], phone.opened[1])
        val late = phone.approve()
        app.start().join()
        assertFalse(app.link(late).await())
        app.link(phone.approve()).await()
        assertEquals(State.LoggedIn(), app.state.value)
    }

    @Test
    fun `what took too long is over, and what nothing opens can be opened again`() = play {
        val (phone, app) = atItsme()
        phone.sleep(3600_000)
        app.resume().join()
        assertEquals(State.LoggedOut(Reason.EXPIRED), app.state.value)
        phone.opens = false
        app.start().join()
        assertEquals(State.Unanswered, app.state.value)
    }

    @Test
    fun `lost answers to the start, to the code and to a refresh`() = play {
        val phone = Phone().apply { fault = loses("/itsme/sessions") }
        val (_, app) = atItsme(phone)
        assertEquals(2, phone.count("/itsme/sessions"))
        phone.fault = loses("/itsme/token")
        app.link(phone.approve()).await()
        assertEquals(State.LoggedIn(), app.state.value)
        spoil(phone)
        phone.fault = loses("/itsme/token")
        assertEquals(200, app.call("GET", profile).status)
        assertEquals(2, phone.count("/itsme/token", "grant_type=refresh_token"))
    }

    @Test
    fun `a start that never gets an answer ends, and a call keeps the login`() = play {
        val phone = Phone().apply { fault = offline("/itsme/sessions") }
        val app = phone.app()
        app.start().join()
        assertEquals(State.LoggedOut(Reason.UNREACHABLE), app.state.value)
        val (phone2, app2) = loggedIn()
        phone2.fault = offline("/api")
        refusedWith(Reason.UNREACHABLE) { app2.call("GET", profile) }
        assertEquals(State.LoggedIn(), app2.state.value)
    }

    @Test
    fun `a code without a final answer stays stored, whatever answers instead of the gateway`() = play {
        val (phone, app) = atItsme()
        phone.fault = offline("/itsme/token")
        app.link(phone.approve()).await()
        val strangers = listOf(
            offline("/itsme/token"), answers("/itsme/token", 200, "<h1>Free Wi-Fi</h1>"), answers("/itsme/token", 302, ""),
            answers("/itsme/token", 302, """{"error":"invalid_grant"}"""), answers("/itsme/token", 200, "[]"),
            answers("/itsme/token", 403, "<h1>Blocked</h1>"), answers("/itsme/token", 502, "{"),
            answers("/itsme/token", 200, "null"), answers("/itsme/token", 425, """{"error":"invalid_request"}"""),
            answers("/itsme/token", 503, """{"error":"temporarily_unavailable"}""", "Retry-After" to "7"),
        )
        for (stranger in strangers) {
            phone.fault = stranger
            app.resume().join()
            assertEquals(State.Unfinished, app.state.value)
            assertNotNull(phone.kept.login!!.code)
        }
        phone.fault = { null }
        app.resume().join()
        assertEquals(State.LoggedIn(), app.state.value)
    }

    @Test
    fun `a stranger's answer to a refresh does not end the login`() = play {
        val (phone, app) = loggedIn()
        spoil(phone)
        for (stranger in listOf(answers("/itsme/token", 403, "<h1>Blocked</h1>"), answers("/itsme/token", 200, "null"), offline("/itsme/token"))) {
            phone.fault = stranger
            refusedWith(Reason.UNREACHABLE) { app.call("GET", profile) }
            assertEquals(State.LoggedIn(), app.state.value)
        }
        phone.fault = { null }
        assertEquals(200, app.call("GET", profile).status)
    }

    @Test
    fun `the process ends between itsme and the link`() = play {
        val (phone, _) = atItsme()
        val app = phone.app()
        app.link(phone.approve()).await() // a cold start: the link comes before resume
        app.resume().join()
        assertEquals(State.LoggedIn(), app.state.value)
    }

    @Test
    fun `the process ends between the code and its answer`() = play {
        for (handled in listOf(false, true)) {
            val (phone, app) = atItsme()
            val back = phone.approve()
            val dead = Holding("/itsme/token")
            phone.fault = if (handled) dead.fault else ({ chain -> if (chain.request().url.encodedPath.endsWith("/token")) throw Killed() else null })
            val finishing = app.link(back)
            if (handled) dead.await() else eventually { phone.count("/itsme/token") > 0 }
            phone.fault = { null }
            val next = phone.app()
            next.resume().join()
            assertEquals(State.LoggedIn(), next.state.value)
            next.link(back).await() // the system delivers the link again
            assertEquals(State.LoggedIn(), next.state.value)
            dead.release()
            finishing.cancelAndJoin()
        }
    }

    private class Killed : java.io.IOException("the process ends")

    @Test
    fun `a code that is worth nothing ends the login`() = play {
        val (phone, app) = atItsme()
        app.link(phone.approve().replace(Regex("code=[^&]*"), "code=other")).await()
        assertEquals(State.LoggedOut(Reason.OVER), app.state.value)
        assertNull(phone.stored)
    }

    @Test
    fun `storage that cannot be read is not a logout, and loses nothing`() = play {
        val (phone, _) = loggedIn()
        val before = phone.stored
        phone.readable = false
        val app = phone.app()
        app.resume().join()
        assertEquals(State.Unreadable, app.state.value)
        refusedWith(Reason.STORAGE) { app.call("GET", profile) }
        app.logOut().join()
        app.giveUp().join()
        assertEquals(before, phone.stored)
        phone.readable = true
        app.resume().join()
        assertEquals(State.LoggedIn(), app.state.value)
    }

    @Test
    fun `storage that cannot be read when the link arrives loses no code`() = play {
        val (phone, _) = atItsme()
        val back = phone.approve()
        phone.readable = false
        val app = phone.app()
        app.link(back).await()
        assertEquals(State.Unreadable, app.state.value)
        phone.readable = true
        app.resume().join()
        assertEquals(State.LoggedIn(), app.state.value)
    }

    @Test
    fun `storage that cannot be written keeps itsme closed, and what was stored`() = play {
        for (readable in listOf(true, false)) {
            val (phone, _) = loggedIn()
            val before = phone.stored
            phone.writable = false
            phone.readable = readable
            val app = phone.app()
            app.start().join()
            assertEquals(1, phone.opened.size)
            phone.writable = true
            phone.readable = true
            app.resume().join()
            assertEquals(before, phone.stored)
            assertTrue(app.state.value is State.LoggedIn)
        }
    }

    @Test
    fun `something else in storage does not crash, and the user can log in anew`() = play {
        for (garbage in listOf("", "null", "7", "{", "{\"login\":{}}", "\u0000")) {
            val phone = Phone().apply { stored = garbage }
            val app = phone.app()
            app.resume().join()
            assertEquals(State.Unreadable, app.state.value, garbage)
            assertEquals(garbage, phone.stored)
            app.start().join()
            app.link(phone.approve()).await()
            assertEquals(State.LoggedIn(), app.state.value)
        }
    }

    @Test
    fun `storage that fails for a moment gets the tokens later`() = play {
        val (phone, app) = atItsme()
        phone.writable = false
        app.link(phone.approve()).await()
        assertEquals(State.LoggedIn(), app.state.value)
        phone.writable = true
        app.resume().join()
        val next = phone.app()
        next.resume().join()
        assertEquals(State.LoggedIn(), next.state.value)
    }

    @Test
    fun `two calls share one refresh`() = runBlocking {
        val (phone, app) = loggedIn()
        spoil(phone)
        val both = List(2) { async { app.call("GET", profile).status } }.awaitAll()
        assertEquals(listOf(200, 200), both)
        assertEquals(1, phone.count("/itsme/token", "grant_type=refresh_token"))
    }

    /** The rotation of a phone cancels the screen's scope, and with it the call. */
    @Test
    fun `a refresh goes on when the screen that called is gone`() = runBlocking {
        val (phone, app) = loggedIn()
        spoil(phone)
        val before = phone.kept.tokens!!.refresh
        val holding = Holding("/itsme/token")
        phone.fault = holding.fault
        val screen = launch(start = CoroutineStart.UNDISPATCHED) { app.call("GET", profile) }
        holding.await()
        screen.cancelAndJoin()
        phone.fault = { null }
        holding.release()
        assertEquals(200, app.call("GET", profile).status)
        assertEquals(1, phone.count("/itsme/token", "grant_type=refresh_token"))
        assertNotEquals(before, phone.kept.tokens!!.refresh)
    }

    @Test
    fun `a refresh that is under way does not undo a logout`() = runBlocking {
        val (phone, app) = loggedIn()
        spoil(phone)
        val token = phone.kept.tokens!!.refresh!!
        val holding = Holding("/itsme/token")
        val revoking = offline("/itsme/revoke") // the logout does not reach the gateway either
        phone.fault = { holding.fault(it) ?: revoking(it) }
        val call = async(start = CoroutineStart.UNDISPATCHED) { refusedWith(Reason.LOGGED_OUT) { app.call("GET", profile) } }
        holding.await()
        app.logOut().join()
        phone.fault = { null }
        holding.release()
        call.await()
        assertEquals(State.LoggedOut(), app.state.value)
        assertNull(phone.stored)
        eventually { "/itsme/revoke" in phone.answered }
        assertTrue("invalid_grant" in refresh(token))
    }

    @Test
    fun `a refresh that is refused ends the login`() = play {
        val (phone, app) = loggedIn()
        post("/itsme/revoke", "token" to phone.kept.tokens!!.refresh!!)
        refusedWith(Reason.OVER) { app.call("GET", profile) }
        assertEquals(State.LoggedOut(Reason.OVER), app.state.value)
        assertNull(phone.stored)
    }

    @Test
    fun `a call refreshes at most once, and not for a 401 of the service itself`() = play {
        for ((body, refreshes) in listOf("""{"code":"invalid_token"}""" to 1, """{"message":"wrong PIN"}""" to 0)) {
            val (phone, app) = loggedIn()
            phone.fault = answers("/api", 401, body)
            assertEquals(401, app.call("GET", profile).status)
            assertEquals(refreshes, phone.count("/itsme/token", "grant_type=refresh_token"))
        }
    }

    @Test
    fun `insufficient_login asks for the same acr_values, and the next login is enough`() = play {
        val (phone, app) = loggedIn("substantial")
        val refusal = refusedWith(Reason.STEP_UP) { app.call("GET", "/high") }
        assertEquals(Asked("high"), refusal.asked)
        app.start(refusal.asked!!).join()
        assertEquals(200, app.call("GET", profile).status) // the login that is there still works
        val next = phone.app() // the process ends meanwhile
        next.link(phone.approve("adult")).await()
        assertEquals(Asked("high"), phone.kept.tokens!!.asked)
        assertEquals(200, next.call("GET", "/high").status)
    }

    @Test
    fun `a level that the user cannot meet leaves the login that is there`() = play {
        val (phone, app) = loggedIn("substantial")
        app.start(Asked("high")).join()
        app.link(phone.approve("substantial")).await()
        assertEquals(State.LoggedIn(Reason.OVER), app.state.value)
        assertEquals(200, app.call("GET", profile).status)
    }

    @Test
    fun `insufficient_login never circles`() = play {
        for ((challenge, later) in listOf("""acr_values="high"""" to Reason.NOT_ENOUGH, """acr_values="high", max_age="300"""" to Reason.STEP_UP)) {
            val (phone, app) = loggedIn()
            phone.fault = answers("/api", 401, """{"code":"insufficient_login"}""", "WWW-Authenticate" to "Bearer $challenge")
            val refusal = refusedWith(Reason.STEP_UP) { app.call("GET", profile) }
            app.start(refusal.asked!!).join()
            app.link(phone.approve()).await()
            refusedWith(Reason.NOT_ENOUGH) { app.call("GET", profile) }
            phone.sleep(301_000)
            refusedWith(later) { app.call("GET", profile) }
        }
    }

    @Test
    fun `there is a way out of every state in which the app waits`() = play {
        val starting = Phone()
        val sessions = Holding("/itsme/sessions")
        starting.fault = sessions.fault
        val app = starting.app()
        val start = app.start()
        sessions.await()
        app.giveUp().join()
        assertEquals(State.LoggedOut(), app.state.value)
        sessions.release()
        start.join()
        eventually { starting.count("/cancel") == 1 }
        assertEquals(listOf(State.LoggedOut(), 0, null), listOf(app.state.value, starting.opened.size, starting.stored))

        val (phone, finishing) = atItsme()
        val token = Holding("/itsme/token")
        phone.fault = token.fault
        val link = finishing.link(phone.approve())
        token.await()
        finishing.giveUp().join()
        assertEquals(State.LoggedOut(), finishing.state.first())
        token.release()
        link.await()
        assertEquals(listOf(State.LoggedOut(), null), listOf(finishing.state.value, phone.stored))
        eventually { phone.count("/itsme/revoke") == 1 } // the tokens that came too late
    }

    /** Waits for what the core does in the background. */
    private fun eventually(condition: () -> Boolean) {
        val end = System.nanoTime() + 20_000_000_000
        while (!condition()) {
            if (System.nanoTime() > end) fail<Unit>("it did not happen")
            Thread.onSpinWait()
        }
    }
}
