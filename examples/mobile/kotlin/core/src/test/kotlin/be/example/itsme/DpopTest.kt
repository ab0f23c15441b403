package be.example.itsme

import java.math.BigInteger
import java.security.ProviderException
import java.util.Base64
import java.util.concurrent.atomic.AtomicInteger
import okhttp3.Request
import org.json.JSONObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Plays logins that are bound to a key (RFC 9449) against a gateway, as ItsmeTest does. */
class DpopTest {
    private val profile = "/api/profile"

    private fun keyed() = Phone().apply { system = newKey() }

    /** The payload of a request's proof, null without one. */
    private fun proof(request: Request): JSONObject? = request.header("DPoP")?.let { JSONObject(String(Base64.getUrlDecoder().decode(it.split('.')[1]))) }

    private fun Phone.proofs(path: String) = requests.filter { it.url.encodedPath == path }.map(::proof)

    private fun locked(): Nothing = throw ProviderException("Keystore operation failed")

    /** Refuses every proof of a path for its nonce, with another nonce each time. */
    private fun asksForNonces(path: String, status: Int, member: String): Fault {
        val count = AtomicInteger()
        return { chain ->
            if (chain.request().url.encodedPath != path) null
            else answers(path, status, """{"$member":"use_dpop_nonce"}""", "DPoP-Nonce" to "nonce-${count.incrementAndGet()}")(chain)
        }
    }

    @Test
    fun `a signature in ASN 1 becomes 64 bytes, whatever the length of its numbers`() {
        for ((r, s) in listOf(BigInteger.ONE to BigInteger.TWO, BigInteger.TWO.pow(255) to BigInteger.ONE, BigInteger.TWO.pow(256) - BigInteger.ONE to BigInteger.TWO.pow(247))) {
            val numbers = listOf(r, s).map { it.toByteArray() }.flatMap { listOf(2.toByte(), it.size.toByte()) + it.toList() }
            val plain = joined((listOf(0x30.toByte(), numbers.size.toByte()) + numbers).toByteArray())
            assertEquals(64, plain.size)
            assertEquals(listOf(r, s), listOf(BigInteger(1, plain.copyOf(32)), BigInteger(1, plain.copyOfRange(32, 64))))
        }
    }

    @Test
    fun `a nonce that breaks the syntax is not kept`() {
        val proofs = Proofs(newKey()(), System::currentTimeMillis)
        for (nonce in listOf(null, "", "a b", "a\"b", "a\\b", "é", "a".repeat(257))) assertFalse(proofs.keep(nonce))
        assertTrue(proofs.keep("!#[]~"))
    }

    @Test
    fun `a login with a key calls, refreshes and stores the name of the key alone`() = play {
        val (phone, app) = loggedIn(phone = keyed())
        val before = phone.kept.tokens!!
        assertNotNull(before.key)
        assertEquals(before.key, JSONObject(phone.sent[0].second).getString("dpop_jkt"))
        assertEquals(setOf("access", "refresh", "asked", "at", "key"), JSONObject(phone.stored!!).getJSONObject("tokens").keySet())
        val answer = app.call("GET", "$profile/é?page=2")
        assertEquals(200, answer.status)
        val call = phone.requests.last()
        assertEquals("DPoP ${before.access}", call.header("Authorization"))
        assertEquals(listOf("GET", "$origin$profile/%C3%A9", Pkce.hash(before.access)), listOf("htm", "htu", "ath").map(proof(call)!!::getString))
        spoil(phone)
        assertEquals(200, app.call("GET", profile).status)
        assertNotEquals(before.access, phone.kept.tokens!!.access)
        assertEquals(listOf(before.refresh, before.key), phone.kept.tokens!!.let { listOf(it.refresh, it.key) })
        val ids = phone.requests.mapNotNull(::proof).map { it.getString("jti") }
        assertEquals(ids.size, ids.toSet().size)
        assertTrue("invalid_dpop_proof" in post("/itsme/token", "grant_type" to "refresh_token", "refresh_token" to before.refresh!!))
    }

    @Test
    fun `an app without a key sends no proof`() = play {
        val (phone, app) = loggedIn()
        spoil(phone)
        assertEquals(200, app.call("GET", profile).status)
        assertTrue(phone.requests.all { it.header("DPoP") == null } && phone.sent.none { "dpop" in it.second })
        assertEquals("Bearer ${phone.kept.tokens!!.access}", phone.requests.last().header("Authorization"))
        assertNull(phone.kept.tokens!!.key)
    }

    @Test
    fun `lost answers get the same login`() = play {
        val phone = keyed()
        phone.fault = loses("/itsme/sessions")
        val app = phone.app()
        app.start().join()
        phone.fault = loses("/itsme/token")
        app.link(phone.approve()).await()
        assertEquals(State.LoggedIn(), app.state.value)
        spoil(phone)
        phone.fault = loses("/itsme/token")
        assertEquals(200, app.call("GET", profile).status)
    }

    @Test
    fun `a nonce corrects a wrong clock once, and stays for the next request`() = play {
        val phone = keyed().apply { sleep(3_600_000) }
        val (_, app) = loggedIn(phone = phone)
        val finish = phone.proofs("/itsme/token")
        assertEquals(listOf(false, true), finish.map { it!!.has("nonce") })
        assertEquals(200, app.call("GET", profile).status)
        assertEquals(listOf(finish[1]!!.getString("nonce")), phone.proofs(profile).map { it!!.getString("nonce") })
    }

    @Test
    fun `the newest nonce is kept, and asked for once a request`() = play {
        val (phone, app) = loggedIn(phone = keyed())
        phone.fault = answers(profile, 200, "{}", "DPoP-Nonce" to "first")
        app.call("GET", profile)
        phone.fault = asksForNonces(profile, 401, "code")
        assertEquals(401, app.call("GET", profile).status)
        phone.fault = answers(profile, 401, """{"code":"use_dpop_nonce"}""") // none came: no reason to repeat
        assertEquals(401, app.call("GET", profile).status)
        assertEquals(listOf("", "first", "nonce-1", "nonce-2"), phone.proofs(profile).map { it!!.optString("nonce") })
        spoil(phone)
        val before = phone.count("/itsme/token")
        phone.fault = asksForNonces("/itsme/token", 400, "error")
        phone.fault.let { nonces -> phone.fault = { answers(profile, 401, """{"code":"invalid_token"}""")(it) ?: nonces(it) } }
        refusedWith(Reason.UNREACHABLE) { app.call("GET", profile) }
        assertEquals(0, (phone.count("/itsme/token") - before) % 2)
        phone.fault = { null }
        assertEquals(200, app.call("GET", profile).status)
    }

    @Test
    fun `a proof that HTTP sent twice is followed by another, once`() = play {
        val (phone, app) = loggedIn(phone = keyed())
        val left = AtomicInteger(1)
        phone.fault = { if (left.getAndDecrement() > 0) it.proceed(it.request()).close() else Unit; null }
        assertEquals(200, app.call("GET", profile).status)
        assertEquals(2, phone.proofs(profile).size)
        phone.fault = answers(profile, 401, """{"code":"invalid_dpop_proof"}""")
        assertEquals(401, app.call("GET", profile).status)
        assertEquals(4, phone.proofs(profile).size)
    }

    @Test
    fun `an update that brings a key binds the login at its next refresh`() = play {
        val (phone, _) = loggedIn()
        phone.system = newKey()
        val app = phone.app()
        assertEquals(200, app.call("GET", profile).status)
        assertTrue(phone.requests.all { it.header("DPoP") == null })
        spoil(phone)
        assertEquals(200, app.call("GET", profile).status)
        assertNotNull(phone.kept.tokens!!.key)
        assertEquals(200, phone.app().call("GET", profile).status)
    }

    @Test
    fun `a lost key ends the login, and no token is sent`() = play {
        for (left in listOf({ null }, newKey())) {
            val (phone, _) = loggedIn(phone = keyed())
            val before = phone.sent.size
            phone.system = left
            val app = phone.app()
            refusedWith(Reason.OVER) { app.call("GET", profile) }
            assertEquals(listOf(State.LoggedOut(Reason.OVER), null, before), listOf(app.state.value, phone.stored, phone.sent.size))
            val (second, _) = atItsme(keyed())
            second.system = left
            val again = second.app()
            again.link(second.approve()).await()
            assertEquals(listOf(State.LoggedOut(Reason.OVER), null), listOf(again.state.value, second.stored))
            assertEquals(0, second.count("/itsme/token"))
        }
    }

    @Test
    fun `a key that is locked for a moment ends nothing`() = play {
        val phone = keyed()
        val key = phone.system
        phone.system = { locked() }
        val first = phone.app()
        first.start().join()
        assertEquals(State.LoggedOut(Reason.STORAGE), first.state.value)
        phone.system = key
        first.start().join()
        phone.system = { locked() }
        val second = phone.app()
        second.link(phone.approve()).await()
        assertEquals(State.Unfinished, second.state.value)
        phone.system = key
        second.resume().join()
        assertEquals(State.LoggedIn(), second.state.value)
        phone.system = { locked() }
        val third = phone.app()
        refusedWith(Reason.STORAGE) { third.call("GET", profile) }
        assertEquals(State.LoggedIn(), third.state.value)
        phone.system = key
        assertEquals(200, third.call("GET", profile).status)
    }
}
