package be.example.itsme

import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assertions.fail

fun play(story: suspend () -> Unit) = runBlocking { withTimeout(60_000) { story() } }

suspend fun atItsme(phone: Phone = Phone()): Pair<Phone, Itsme> {
    val app = phone.app()
    app.resume().join()
    app.start().join()
    assertEquals(State.AtItsme, app.state.value)
    return phone to app
}

suspend fun loggedIn(persona: String = "adult", phone: Phone = Phone()): Pair<Phone, Itsme> {
    val (_, app) = atItsme(phone)
    assertTrue(app.link(phone.approve(persona)).await())
    assertEquals(State.LoggedIn(), app.state.value)
    return phone to app
}

suspend fun refusedWith(reason: Reason, call: suspend () -> Unit): Refusal {
    try {
        call()
    } catch (e: Refusal) {
        assertEquals(reason, e.reason)
        return e
    }
    return fail("no refusal $reason")
}

/** Makes the access token invalid and leaves the refresh token alone. */
fun spoil(phone: Phone) = post("/itsme/revoke", "token" to phone.kept.tokens!!.access)
