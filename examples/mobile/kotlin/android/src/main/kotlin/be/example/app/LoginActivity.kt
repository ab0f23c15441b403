// Unverified: compiled against Android 8's classes, not run on a phone.
package be.example.app

import android.app.Activity
import android.content.Intent
import android.os.Bundle
import android.view.View
import android.widget.Button
import android.widget.LinearLayout
import android.widget.ProgressBar
import android.widget.TextView
import be.example.itsme.Reason
import be.example.itsme.Refusal
import be.example.itsme.State
import kotlinx.coroutines.MainScope
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch

/** One screen. It shows the state, and may come and go: the login lives in [ExampleApp]. */
class LoginActivity : Activity() {
    private val itsme get() = (application as ExampleApp).itsme
    private val screen = MainScope()
    private lateinit var column: LinearLayout

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        column = LinearLayout(this).apply { orientation = LinearLayout.VERTICAL }
        setContentView(column)
        if (savedInstanceState == null) take(intent)
        screen.launch { itsme.state.collect(::show) }
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        take(intent)
    }

    // Not onStart, which comes before onNewIntent.
    override fun onResume() {
        super.onResume()
        itsme.resume()
    }

    override fun onDestroy() {
        screen.cancel()
        super.onDestroy()
    }

    private fun take(intent: Intent) {
        val url = intent.dataString
        if (intent.action == Intent.ACTION_VIEW && url != null) itsme.link(url)
    }

    private fun show(state: State) = rows(
        when (state) {
            is State.Unread -> listOf(spinner())
            is State.Unreadable -> listOf(
                text("Your login cannot be read at this moment."),
                button("Try again") { itsme.resume() }, button("Log in anew") { itsme.start() },
            )
            is State.LoggedOut -> listOf(text(messageOf(state.reason)), button("Log in with itsme") { itsme.start() })
            is State.Starting, is State.Finishing -> listOf(spinner(), button("Cancel") { itsme.giveUp() })
            is State.AtItsme, is State.Unanswered -> listOf(
                text("Confirm in the itsme app."), button("Open itsme again") { itsme.openItsme() },
                button("Start over") { itsme.start() }, button("Cancel") { itsme.giveUp() },
            )
            is State.Unfinished -> listOf(
                text("No connection."), button("Try again") { itsme.resume() }, button("Cancel") { itsme.giveUp() },
            )
            is State.LoggedIn -> listOf(
                text(messageOf(state.reason)), button("Show my profile", ::showProfile), button("Log out") { itsme.logOut() },
            )
        },
    )

    private fun showProfile() {
        screen.launch {
            try {
                rows(listOf(text(itsme.call("GET", "/api/profile").body), button("Log out") { itsme.logOut() }))
            } catch (refusal: Refusal) {
                val again = refusal.asked?.let { listOf(button("Log in again") { itsme.start(it) }) }.orEmpty()
                rows(listOf(text(messageOf(refusal.reason)), button("Show my profile", ::showProfile)) + again)
            }
        }
    }

    private fun rows(views: List<View>) {
        column.removeAllViews()
        views.forEach(column::addView)
    }

    private fun spinner() = ProgressBar(this)

    private fun text(words: String) = TextView(this).apply { text = words }

    private fun button(words: String, press: () -> Unit) = Button(this).apply {
        text = words
        setOnClickListener { press() }
    }
}

/** What to show for a reason. */
fun messageOf(reason: Reason?): String = when (reason) {
    null -> ""
    Reason.REFUSED -> "You did not log in."
    Reason.EXPIRED -> "It took too long. Please log in again."
    Reason.OVER, Reason.LOGGED_OUT -> "Please log in again."
    Reason.UNREACHABLE -> "No connection. Please try again."
    Reason.STORAGE -> "This phone cannot keep your login at this moment."
    Reason.STEP_UP -> "This needs another login."
    Reason.NOT_ENOUGH -> "Your itsme cannot be used for this."
    Reason.FAILED -> "Something went wrong. Please try again."
}
