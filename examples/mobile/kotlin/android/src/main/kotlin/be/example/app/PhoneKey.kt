// Unverified: compiled against Android 8's classes, not run on a phone.
package be.example.app

import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.KeyStore
import java.security.PrivateKey
import java.security.spec.ECGenParameterSpec

/**
 * The key that binds logins to this phone. The Keystore makes it, signs with it and does not export it.
 * A backup does not have it: after a restore there is another key, and the user logs in again.
 */
object PhoneKey {
    private const val KEYSTORE = "AndroidKeyStore"
    private const val ALIAS = "itsme-dpop"

    fun pair(): KeyPair {
        val store = KeyStore.getInstance(KEYSTORE).apply { load(null) }
        val private = store.getKey(ALIAS, null) as PrivateKey? ?: return newPair()
        return KeyPair(store.getCertificate(ALIAS).publicKey, private)
    }

    private fun newPair(): KeyPair = KeyPairGenerator.getInstance(KeyProperties.KEY_ALGORITHM_EC, KEYSTORE).run {
        initialize(
            KeyGenParameterSpec.Builder(ALIAS, KeyProperties.PURPOSE_SIGN)
                .setAlgorithmParameterSpec(ECGenParameterSpec("secp256r1"))
                .setDigests(KeyProperties.DIGEST_SHA256)
                .build(),
        )
        generateKeyPair()
    }
}
