// Unverified: not compiled here. Kotlin 1.9, Android 8 (API 26), Jetpack Compose.
package be.example.app

import android.content.Intent
import android.os.Bundle
import androidx.activity.ComponentActivity
import androidx.activity.compose.setContent
import androidx.activity.viewModels
import androidx.compose.foundation.layout.Column
import androidx.compose.material3.Button
import androidx.compose.material3.CircularProgressIndicator
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.collectAsState
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.rememberCoroutineScope
import androidx.compose.runtime.setValue
import kotlinx.coroutines.launch

class LoginActivity : ComponentActivity() {
    private val login: ItsmeLogin by viewModels()

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        if (savedInstanceState == null) comeBack(intent)
        setContent { MaterialTheme { LoginScreen(login) } }
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        comeBack(intent)
    }

    override fun onStart() {
        super.onStart()
        login.foreground()
    }

    private fun comeBack(intent: Intent) {
        val uri = intent.data ?: return
        if (intent.action == Intent.ACTION_VIEW && uri.isHierarchical) login.comeBack(uri)
    }
}

@Composable
fun LoginScreen(login: ItsmeLogin) {
    val state by login.state.collectAsState()
    val scope = rememberCoroutineScope()
    var profile by remember { mutableStateOf("") }
    Column {
        when (val now = state) {
            is ItsmeLogin.State.LoggedOut -> {
                now.message?.let { Text(it) }
                Button(onClick = { login.start() }) { Text("Log in with itsme") }
            }
            is ItsmeLogin.State.Busy, is ItsmeLogin.State.Away -> CircularProgressIndicator()
            is ItsmeLogin.State.Unanswered -> {
                Text("We have not heard from itsme yet.")
                Button(onClick = { login.openItsme(now.login) }) { Text("Open itsme again") }
                Button(onClick = { login.startOver(now.login) }) { Text("Start over") }
            }
            is ItsmeLogin.State.LoggedIn -> {
                Text(profile)
                Button(onClick = { scope.launch { profile = login.profile() ?: "" } }) { Text("Show my profile") }
                Button(onClick = { login.logOut() }) { Text("Log out") }
            }
        }
    }
}
