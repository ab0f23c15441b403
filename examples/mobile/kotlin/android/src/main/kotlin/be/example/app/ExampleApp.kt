// Unverified: compiled against Android 8's classes, not run on a phone.
package be.example.app

import android.app.Application
import android.content.ActivityNotFoundException
import android.content.Intent
import android.net.Uri
import be.example.itsme.Device
import be.example.itsme.Gateway
import be.example.itsme.Itsme
import java.util.Locale
import okhttp3.HttpUrl.Companion.toHttpUrl

/** Holds the login as long as the process lives: a rotation or a closed screen changes nothing of it. */
class ExampleApp : Application() {
    val itsme: Itsme by lazy {
        Itsme(AndroidDevice(this), Gateway("https://app.example.be".toHttpUrl(), "https://app.example.be/itsme/app/callback"))
    }
}

/** What the login needs of the phone. */
class AndroidDevice(private val app: Application) : Device {
    private val vault = Vault(app)

    override fun read(): String? = vault["login"]

    override fun write(text: String?) {
        vault["login"] = text
    }

    override suspend fun open(link: String): Boolean = try {
        app.startActivity(Intent(Intent.ACTION_VIEW, Uri.parse(link)).addFlags(Intent.FLAG_ACTIVITY_NEW_TASK))
        true
    } catch (e: ActivityNotFoundException) {
        false // neither itsme nor a browser is installed
    }

    override fun key() = PhoneKey.pair()

    override val language: String get() = Locale.getDefault().language
}
