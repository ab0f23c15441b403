// Unverified: not compiled here. Kotlin 1.9, Android 8 (API 26).
package be.example.app

import android.content.Context
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import android.util.Base64
import java.security.GeneralSecurityException
import java.security.KeyStore
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/**
 * Values that outlive the app's process, on this device alone: itsme is another app, and Android
 * may end this one while the person is there. They are encrypted with a key of the Keystore.
 */
class Vault(context: Context) {
    private val file = context.getSharedPreferences("itsme", Context.MODE_PRIVATE)

    operator fun get(name: String): String? {
        val box = Base64.decode(file.getString(name, null) ?: return null, Base64.NO_WRAP)
        return try {
            val cipher = Cipher.getInstance(TRANSFORMATION)
            cipher.init(Cipher.DECRYPT_MODE, key(), GCMParameterSpec(128, box, 0, IV_SIZE))
            cipher.updateAAD(name.toByteArray())
            String(cipher.doFinal(box, IV_SIZE, box.size - IV_SIZE))
        } catch (e: GeneralSecurityException) {
            null // the key is gone, as after a restore: the person logs in again
        }
    }

    operator fun set(name: String, value: String?) {
        // Not later: the process may end as soon as itsme opens.
        if (value == null) {
            file.edit().remove(name).commit()
            return
        }
        val cipher = Cipher.getInstance(TRANSFORMATION)
        cipher.init(Cipher.ENCRYPT_MODE, key())
        cipher.updateAAD(name.toByteArray())
        val box = cipher.iv + cipher.doFinal(value.toByteArray())
        file.edit().putString(name, Base64.encodeToString(box, Base64.NO_WRAP)).commit()
    }

    private fun key(): SecretKey {
        val store = KeyStore.getInstance(KEYSTORE).apply { load(null) }
        return store.getKey(ALIAS, null) as SecretKey? ?: KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, KEYSTORE).run {
            init(
                KeyGenParameterSpec.Builder(ALIAS, KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT)
                    .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
                    .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
                    .build(),
            )
            generateKey()
        }
    }

    private companion object {
        const val KEYSTORE = "AndroidKeyStore"
        const val ALIAS = "itsme"
        const val TRANSFORMATION = "AES/GCM/NoPadding"
        const val IV_SIZE = 12
    }
}
