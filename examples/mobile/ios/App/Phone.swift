// Unverified: not compiled here. Swift 5.9, iOS 16.
import CryptoKit
import UIKit

/// What the login needs of the iPhone.
@MainActor
struct Phone: Device {
    func read() throws -> Data? {
        try wipeAfterReinstall()
        return try Keychain.load("login")
    }

    func write(_ data: Data?) throws {
        if let data { try Keychain.save(data, as: "login") } else { try Keychain.delete("login") }
    }

    func open(_ link: URL) async -> Bool { await UIApplication.shared.open(link) }

    func random(_ count: Int) -> Data {
        SymmetricKey(size: SymmetricKeySize(bitCount: 8 * count)).withUnsafeBytes { Data($0) }
    }

    func sha256(_ data: Data) -> Data { Data(SHA256.hash(data: data)) }

    func key() throws -> SigningKey? { try EnclaveKey.stored() }

    var language: String { Bundle.main.preferredLocalizations.first ?? "" }

    /// The keychain outlives the app. UserDefaults do not: where they are empty, the app is new. Before
    /// the first unlock after a restart they seem empty, so that nothing is deleted then.
    private func wipeAfterReinstall() throws {
        let key = "itsme-installed"
        guard UIApplication.shared.isProtectedDataAvailable, !UserDefaults.standard.bool(forKey: key) else { return }
        try Keychain.delete("login")
        try EnclaveKey.forget()
        UserDefaults.standard.set(true, forKey: key)
    }
}
