// Unverified: compiled against Android 8's classes, not run on a phone.
package be.example.app

import android.content.Context
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import android.util.Base64
import java.io.IOException
import java.security.KeyStore
import java.security.KeyStoreException
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/**
 * Texts that outlive the app's process, on this device alone: itsme is another app, and Android may
 * end this one while the user is there. They are encrypted with a key of the Keystore.
 *
 * A text that cannot be read is an exception, never null: the Keystore fails for a moment on some
 * phones, and after a restore its key is gone. Only a new value replaces what is there.
 */
class Vault(context: Context) {
    private val file = context.getSharedPreferences("itsme", Context.MODE_PRIVATE)

    operator fun get(name: String): String? {
        val box = Base64.decode(file.getString(name, null) ?: return null, Base64.NO_WRAP)
        val cipher = Cipher.getInstance(TRANSFORMATION)
        cipher.init(Cipher.DECRYPT_MODE, storedKey() ?: throw KeyStoreException("the key is gone"), GCMParameterSpec(128, box, 0, IV_SIZE))
        cipher.updateAAD(name.toByteArray())
        return String(cipher.doFinal(box, IV_SIZE, box.size - IV_SIZE))
    }

    operator fun set(name: String, value: String?) {
        val edit = file.edit()
        if (value == null) {
            edit.remove(name)
        } else {
            val cipher = Cipher.getInstance(TRANSFORMATION)
            cipher.init(Cipher.ENCRYPT_MODE, storedKey() ?: newKey())
            cipher.updateAAD(name.toByteArray())
            val box = cipher.iv + cipher.doFinal(value.toByteArray())
            edit.putString(name, Base64.encodeToString(box, Base64.NO_WRAP))
        }
        // Not apply: the process may end as soon as itsme opens.
        if (!edit.commit()) throw IOException("the preferences could not be written")
    }

    private fun storedKey(): SecretKey? = KeyStore.getInstance(KEYSTORE).apply { load(null) }.getKey(ALIAS, null) as SecretKey?

    private fun newKey(): SecretKey = KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, KEYSTORE).run {
        init(
            KeyGenParameterSpec.Builder(ALIAS, KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT)
                .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
                .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
                .build(),
        )
        generateKey()
    }

    private companion object {
        const val KEYSTORE = "AndroidKeyStore"
        const val ALIAS = "itsme"
        const val TRANSFORMATION = "AES/GCM/NoPadding"
        const val IV_SIZE = 12
    }
}
