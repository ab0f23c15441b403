package be.example.itsme

import java.io.File
import org.json.JSONArray
import org.json.JSONObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Test

class VectorsTest {
    private val vectors = JSONObject(File(System.getenv("ITSME_VECTORS") ?: "../../vectors.json").readText())

    @Test
    fun `hashes and links are read as the gateway reads them`() {
        for (v in vectors.getJSONArray("challenges").objects()) assertEquals(v.getString("code_challenge"), Pkce.hash(v.getString("code_verifier")))
        for (v in vectors.getJSONArray("sessions").objects()) assertEquals(v.getString("session_id"), Pkce.hash(v.getString("state")))
        for (v in vectors.getJSONArray("keys").objects()) assertEquals(v.getString("thumbprint"), thumbprint(v.getString("x"), v.getString("y")))
        for (v in vectors.getJSONArray("callbacks").objects()) {
            val back = Callback.read(v.getString("url"))
            assertEquals(Callback(v.getString("state"), v.text("code"), v.text("error")), back, v.getString("about"))
            assertEquals(v.getString("session_id"), Pkce.hash(back!!.state))
        }
        for (v in vectors.getJSONArray("ignored").objects()) assertNull(Callback.read(v.getString("url")), v.getString("about"))
    }

    private fun JSONArray.objects() = (0 until length()).map(::getJSONObject).also { check(it.isNotEmpty()) }
}
