package be.example.itsme

import java.io.IOException
import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.spec.ECGenParameterSpec
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicLong
import kotlinx.coroutines.yield
import okhttp3.FormBody
import okhttp3.HttpUrl.Companion.toHttpUrl
import okhttp3.Interceptor
import okhttp3.OkHttpClient
import okhttp3.Protocol
import okhttp3.Request
import okhttp3.Response
import okhttp3.ResponseBody.Companion.toResponseBody
import okio.Buffer

val origin: String = System.getenv("ITSME_GATEWAY") ?: "http://127.0.0.1:8080"
val redirectUrl = "$origin/itsme/app/callback"

/** What happens to a request. Null lets it through. */
typealias Fault = (Interceptor.Chain) -> Response?

/** A phone for tests: memory for storage, a clock that a test moves, and a network that loses answers. */
class Phone : Device, Interceptor {
    @Volatile var stored: String? = null
    @Volatile var readable = true
    @Volatile var writable = true
    @Volatile var opens = true
    @Volatile var fault: Fault = { null }
    override var language = "nl-BE"
    val opened = CopyOnWriteArrayList<String>()
    val sent = CopyOnWriteArrayList<Pair<String, String>>()
    val answered = CopyOnWriteArrayList<String>()
    val requests = CopyOnWriteArrayList<Request>()

    /** Returns the key of an app that has one. Null is an app without. */
    @Volatile var system: () -> KeyPair? = { null }
    private val ahead = AtomicLong()

    private val client = OkHttpClient.Builder().addInterceptor(this).build()

    /** Starts the app: a new process with what is stored. */
    fun app() = Itsme(this, Gateway(origin.toHttpUrl(), redirectUrl, client))

    override fun read(): String? = if (readable) stored else throw java.security.ProviderException("Keystore operation failed")

    override fun write(text: String?) {
        if (!writable) throw java.security.ProviderException("Keystore operation failed")
        stored = text
    }

    override suspend fun open(link: String): Boolean {
        if (opens) opened += link
        return opens
    }

    override fun key(): KeyPair? = system()

    override fun now() = System.currentTimeMillis() + ahead.get()

    override suspend fun sleep(milliseconds: Long) {
        ahead.addAndGet(milliseconds)
        yield()
    }

    override fun intercept(chain: Interceptor.Chain): Response {
        val body = Buffer().also { chain.request().body?.writeTo(it) }.readUtf8()
        requests += chain.request()
        sent += chain.request().url.encodedPath to body
        return (fault(chain) ?: chain.proceed(chain.request())).also { answered += chain.request().url.encodedPath }
    }

    /** The user's decision in the simulated itsme. Returns the link that itsme opens then. */
    fun decide(vararg form: Pair<String, String>): String {
        val body = FormBody.Builder().apply { for ((name, value) in form) add(name, value) }.build()
        plain.newCall(Request.Builder().url(opened.last()).post(body).build()).execute().use {
            val back = it.header("Location").orEmpty()
            check(back.startsWith(redirectUrl)) { "itsme answered ${it.code} and opened $back" }
            return back
        }
    }

    fun approve(persona: String = "adult") = decide("decision" to "approve", "persona" to persona)

    fun refuse() = decide("decision" to "refuse")

    fun count(path: String, word: String = "") = sent.count { it.first.endsWith(path) && word in it.second }

    val kept: Kept get() = Kept.read(stored)
}

/** Returns what the system does for an app: it makes one key, and keeps it. */
fun newKey(): () -> KeyPair {
    val generator = KeyPairGenerator.getInstance("EC").apply { initialize(ECGenParameterSpec("secp256r1")) }
    val pair = generator.generateKeyPair()
    return { pair }
}

private val plain = OkHttpClient.Builder().followRedirects(false).build()

/** Posts past the app, as a test may. */
fun post(path: String, vararg form: Pair<String, String>): String {
    val body = FormBody.Builder().apply { for ((name, value) in form) add(name, value) }.build()
    return plain.newCall(Request.Builder().url(origin + path).post(body).build()).execute().use { it.body.string() }
}

private fun Interceptor.Chain.isFor(path: String) = request().url.encodedPath.let { it.endsWith(path) || it.startsWith(path) }

/** Loses the first answers of a path. The gateway has handled the requests. */
fun loses(path: String, count: Int = 1): Fault {
    val left = AtomicLong(count.toLong())
    return { chain ->
        if (chain.isFor(path) && left.getAndDecrement() > 0) {
            chain.proceed(chain.request()).close()
            throw IOException("connection lost")
        }
        null
    }
}

/** Lets no request to a path reach the gateway. */
fun offline(path: String): Fault = { if (it.isFor(path)) throw IOException("no network") else null }

/** Answers a path itself, as a Wi-Fi portal or a broken proxy does. */
fun answers(path: String, status: Int, body: String, vararg header: Pair<String, String>): Fault = { chain ->
    if (!chain.isFor(path)) null else Response.Builder().request(chain.request()).protocol(Protocol.HTTP_1_1).code(status)
        .message("").body(body.toResponseBody()).apply { for ((name, value) in header) header(name, value) }.build()
}

/** Holds the answers of a path back until [release]. */
class Holding(path: String) {
    private val arrived = CompletableFuture<Unit>()
    private val released = CompletableFuture<Unit>()
    val fault: Fault = { chain ->
        if (!chain.isFor(path)) null else chain.proceed(chain.request()).also {
            arrived.complete(Unit)
            released.get(20, TimeUnit.SECONDS)
        }
    }

    fun await() { arrived.get(20, TimeUnit.SECONDS) }

    fun release() { released.complete(Unit) }
}
