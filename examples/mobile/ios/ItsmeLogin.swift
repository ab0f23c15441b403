// Unverified: not compiled here. Swift 5.9, iOS 16.
import Combine
import UIKit

/// One person's login, from the tap on the button to the logout.
@MainActor
final class ItsmeLogin: ObservableObject {
    enum State {
        case loggedOut(message: String?)
        case busy
        /// The person is at itsme, or was.
        case away
        /// The person is back, and no answer came: offer "open itsme again" and "start over".
        case unanswered(Started)
        case loggedIn
    }

    /// What has to be there when itsme comes back, even into a new process.
    struct Started: Codable {
        let sessionID: String
        let verifier: String
        let link: URL
        let expiresAt: Date
        let interval: Int
    }

    @Published private(set) var state: State

    private let gateway: ItsmeGateway
    private var refreshing: Task<ItsmeGateway.Tokens, Error>?

    init(gateway: ItsmeGateway) {
        self.gateway = gateway
        if Keychain.load(ItsmeGateway.Tokens.self, named: "tokens") != nil {
            state = .loggedIn
        } else {
            state = Self.started.isEmpty ? .loggedOut(message: nil) : .away
        }
    }

    /// Logins under way, by session_id.
    private static var started: [String: Started] {
        let all = Keychain.load([String: Started].self, named: "started") ?? [:]
        return all.filter { $0.value.expiresAt > Date() }
    }

    private func keep(_ login: Started?, for sessionID: String) throws {
        var all = Self.started
        all[sessionID] = login
        try Keychain.save(all, as: "started")
    }

    // MARK: To itsme

    func start() async {
        state = .busy
        await reporting {
            let verifier = PKCE.verifier()
            let told = try await self.patiently(for: 20) { try await self.gateway.start(challenge: PKCE.hash(verifier)) }
            let login = Started(
                sessionID: told.sessionID, verifier: verifier, link: told.link,
                expiresAt: Date(timeIntervalSinceNow: Double(told.expiresIn)), interval: told.interval
            )
            try self.keep(login, for: login.sessionID) // before itsme opens
            await self.open(login)
        }
    }

    /// Opens the itsme app, or its page in the browser where the app is not installed.
    func open(_ login: Started) async {
        state = .away
        let opened = await UIApplication.shared.open(login.link)
        if !opened { state = .unanswered(login) }
    }

    // MARK: And back

    /// Takes a universal link. Anybody can send one: it counts only for a login that this app began,
    /// and once.
    func comeBack(_ url: URL) async {
        let query = URLComponents(url: url, resolvingAgainstBaseURL: false)?.queryItems ?? []
        func parameter(_ name: String) -> String? { query.first { $0.name == name }?.value }

        guard let itsmeState = parameter("state"), let login = Self.started[PKCE.hash(itsmeState)] else { return }
        guard (try? keep(nil, for: login.sessionID)) != nil else { return }
        state = .busy
        guard let code = parameter("code") else {
            // The person refused, or itsme failed. The gateway ends the login at Signicat, too.
            try? await gateway.cancel(login.sessionID, verifier: login.verifier, error: parameter("error"))
            state = .loggedOut(message: "You did not log in.")
            return
        }
        await reporting {
            let tokens = try await self.patiently(for: 60) {
                try await self.gateway.redeem(code: code, state: itsmeState, verifier: login.verifier)
            }
            try Keychain.save(tokens, as: "tokens")
            self.state = .loggedIn
        }
    }

    /// Called when the app comes to the foreground, which happens before a universal link arrives.
    func foreground() async {
        guard case .away = state else { return }
        guard let login = Self.started.values.max(by: { $0.expiresAt < $1.expiresAt }) else {
            state = .loggedOut(message: "It took too long. Please log in again.")
            return
        }
        try? await Task.sleep(nanoseconds: UInt64(2 * login.interval) * 1_000_000_000)
        guard case .away = state else { return } // the link arrived meanwhile
        var pending = false
        do {
            pending = try await gateway.isPending(login.sessionID)
        } catch {
            if case .again? = error as? Refusal { pending = true } // else unknown there: over
        }
        guard case .away = state else { return }
        if pending {
            state = .unanswered(login)
            return
        }
        try? keep(nil, for: login.sessionID)
        state = .loggedOut(message: "You did not log in.")
    }

    func startOver(_ login: Started) async {
        try? keep(nil, for: login.sessionID)
        try? await gateway.cancel(login.sessionID, verifier: login.verifier, error: nil)
        await start()
    }

    // MARK: Logged in

    /// Calls the service. An access token that has expired is exchanged, once for all calls.
    func profile() async -> String? {
        await reporting {
            guard let tokens = Keychain.load(ItsmeGateway.Tokens.self, named: "tokens") else { throw Refusal.over }
            do {
                return try await self.gateway.profile(tokens.access)
            } catch Refusal.over {
                return try await self.gateway.profile(self.refreshed(tokens).access)
            }
        }
    }

    private func refreshed(_ tokens: ItsmeGateway.Tokens) async throws -> ItsmeGateway.Tokens {
        if let running = refreshing { return try await running.value }
        if let now = Keychain.load(ItsmeGateway.Tokens.self, named: "tokens"), now.access != tokens.access { return now }
        guard let refresh = tokens.refresh else { throw Refusal.over }
        let task = Task {
            let next = try await self.patiently(for: 25) { try await self.gateway.refresh(refresh) }
            try Keychain.save(next, as: "tokens")
            return next
        }
        refreshing = task
        defer { refreshing = nil }
        return try await task.value
    }

    func logOut() async {
        let tokens = Keychain.load(ItsmeGateway.Tokens.self, named: "tokens")
        Keychain.delete("tokens")
        state = .loggedOut(message: nil)
        if let tokens { try? await gateway.revoke(tokens) }
    }

    // MARK: What went wrong

    /// Makes a call again while the gateway says so, and while no answer arrives.
    private func patiently<T>(for seconds: Double, _ call: () async throws -> T) async throws -> T {
        let end = Date(timeIntervalSinceNow: seconds)
        while true {
            do {
                return try await call()
            } catch Refusal.again(let wait) where Date(timeIntervalSinceNow: Double(wait)) < end {
                try await Task.sleep(nanoseconds: UInt64(wait) * 1_000_000_000)
            }
        }
    }

    /// Does something, or says why not. A login that is there stays there, unless it is over.
    @discardableResult
    private func reporting<T>(_ work: () async throws -> T) async -> T? {
        do {
            return try await work()
        } catch {
            let refusal = error as? Refusal ?? .failed
            if case .over = refusal {
                Keychain.delete("tokens")
            } else if case .loggedIn = state {
                return nil
            }
            state = .loggedOut(message: refusal.message)
            return nil
        }
    }
}

private extension Refusal {
    var message: String {
        switch self {
        case .again: return "No connection. Please try again."
        case .denied: return "You did not log in."
        case .expired: return "It took too long. Please log in again."
        case .over: return "Please log in again."
        case .failed: return "Something went wrong. Please try again."
        }
    }
}
