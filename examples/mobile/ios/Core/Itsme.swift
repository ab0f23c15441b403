// Unverified: not compiled here. Swift 5.9, Foundation only.
import Foundation

/// What the core needs of the phone.
@MainActor
protocol Device {
    /// Reads what write stored, nil if nothing is stored. It throws when storage cannot be read.
    func read() throws -> Data?
    /// Stores a value that outlives the process, encrypted and on this device alone. Nil deletes it.
    func write(_ data: Data?) throws
    /// Opens a link with the system, never in a web view. It returns false when nothing opens it.
    func open(_ link: URL) async -> Bool
    /// Returns bytes of the system's cryptographic random source.
    func random(_ count: Int) -> Data
    func sha256(_ data: Data) -> Data
    /// The language of the app's texts, such as nl or fr-BE.
    var language: String { get }
    /// Returns the key that binds logins to this phone (DPoP), and makes it if there is none. It throws
    /// when the key cannot be used now. Nil in an app without a key.
    func key() throws -> SigningKey?
}

extension Device {
    func key() throws -> SigningKey? { nil }
}

/// Why a login or a call did not succeed. docs/mobile-code.md says what to show for each.
enum Reason: String {
    case refused, expired, over, unreachable, storage, loggedOut, stepUp, notEnough, failed
}

/// A refusal to start, to finish or to call. Asked is what the next login needs.
struct Refusal: Error {
    let reason: Reason
    var asked: Asked?

    init(_ reason: Reason, asked: Asked? = nil) {
        self.reason = reason
        self.asked = asked
    }
}

/// No final answer: the same request may be sent again after some seconds.
struct Again: Error {
    let seconds: Int
    var reason: Reason = .unreachable
}

/// The login of one user: the state machine of docs/mobile-code.md. The process has one of it, which
/// outlives every view. Another call can run only at an await.
@MainActor
final class Itsme {
    enum State: Equatable {
        /// Before the first resume.
        case unread
        /// Storage cannot be read: not the same as logged out.
        case unreadable
        case loggedOut(Reason?)
        case starting
        case atItsme
        /// The user is back, or itsme did not open.
        case unanswered
        case finishing
        /// The code is stored, and the gateway has not answered.
        case unfinished
        /// The reason is why another login did not succeed.
        case loggedIn(Reason?)
    }

    private(set) var state: State = .unread { didSet { changed(state) } }

    private let device: Device
    private let gateway: ItsmeGateway
    private let changed: (State) -> Void
    private var kept: Kept? // nil until storage was read
    private var attempt = 0 // changes when the user gives up
    private var late: URL? // a link that arrived before storage could be read
    private var unwritten = false
    private var refreshing: Task<Tokens, Error>?
    private var maker: Proofs? // nil until the key was read

    init(device: Device, gateway: ItsmeGateway, changed: @escaping (State) -> Void) {
        self.device = device
        self.gateway = gateway
        self.changed = changed
    }

    // MARK: To itsme

    /// Starts a login and opens itsme. It replaces a login under way. Call it from the user's tap.
    func start(_ asked: Asked = Asked()) async {
        guard state != .starting, state != .finishing else { return }
        attempt += 1
        let mine = attempt
        _ = load() // unreadable: the user chose to log in anew
        state = .starting
        do {
            let verifier = device.random(32).base64URL
            let login = try await patiently(20) { () async throws -> Login in
                let key = try self.proofs()?.thumbprint
                let started = try await self.gateway.start(
                    challenge: self.hash(verifier), language: self.language, asked: asked, key: key
                )
                return Login(
                    sessionID: started.sessionID, verifier: verifier, link: started.link,
                    expiresAt: Date(timeIntervalSinceNow: Double(started.expiresIn)), interval: started.interval,
                    asked: asked, key: key
                )
            }
            guard mine == attempt else { return cancel(login) }
            let before = kept
            guard keep(Kept(login: login, tokens: before?.tokens)) else { // before itsme opens
                kept = before
                cancel(login)
                throw Refusal(.storage)
            }
            if let old = before?.login { cancel(old) }
            await open(login)
        } catch {
            if mine == attempt { end(reason(of: error)) }
        }
    }

    /// Opens itsme for the login under way. It may be called again.
    func openItsme() async {
        if let login = kept?.login, login.code == nil { await open(login) }
    }

    private func open(_ login: Login) async {
        state = .atItsme
        let opened = await device.open(login.link)
        if !opened, kept?.login == login { state = .unanswered }
    }

    /// Cancels the login under way. It ends every state in which the app waits.
    func giveUp() {
        attempt += 1
        let login = kept?.login
        end(nil)
        if let login { cancel(login) }
    }

    // MARK: And back

    /// Takes a link that opened the app, and returns whether it belongs to the login under way. Any app
    /// and any page can send links: this one counts by the hash of its state.
    @discardableResult
    func link(_ url: URL) async -> Bool {
        guard let back = Callback(url) else { return false }
        guard load() else {
            late = url
            return false
        }
        guard let login = kept?.login, hash(back.state) == login.sessionID else { return false }
        if login.code != nil { return true } // the same link again
        guard let code = back.code else {
            end(back.error == "access_denied" ? .refused : .failed)
            cancel(login, error: back.error)
            return true
        }
        attempt += 1 // a start that is under way gives way to the login that came back
        var returned = login
        returned.code = code
        returned.state = back.state
        keep(Kept(login: returned, tokens: kept?.tokens))
        await finish(returned)
        return true
    }

    /// Call it when the app starts and whenever it comes to the foreground.
    func resume() async {
        guard load() else { return }
        if let url = late { await link(url) }
        late = nil
        if unwritten, let kept { keep(kept) }
        guard let login = kept?.login, state != .starting else { return }
        if login.code != nil { return await finish(login) }
        if login.expiresAt < Date() { return end(.expired) }
        await sleep(2 * login.interval) // the link may be on its way
        await ask(login)
    }

    /// Asks how a login stands from which the user came back without an answer.
    private func ask(_ login: Login) async {
        guard kept?.login == login, state == .atItsme else { return }
        let status = await gateway.status(login.sessionID)
        guard kept?.login == login, state == .atItsme else { return }
        switch status {
        case "denied", "aborted", "cancelled": end(.refused)
        case "expired", "session_unknown": end(.expired)
        case "failed": end(.failed)
        case "issued": end(.over)
        default: state = .unanswered // pending, or no answer
        }
    }

    /// Redeems the code. Without a final answer the code stays stored, and resume tries again.
    private func finish(_ login: Login) async {
        guard state != .finishing else { return }
        state = .finishing
        do {
            var tokens = try await patiently(60) { try await self.gateway.redeem(login, self.proofs(of: login.key)) }
            guard kept?.login == login else { return revoke(tokens) } // given up meanwhile
            if let old = kept?.tokens { revoke(old) } // of the login that this one replaces
            tokens.asked = login.asked
            tokens.at = Date()
            keep(Kept(tokens: tokens))
            state = .loggedIn(nil)
        } catch {
            guard kept?.login == login else { return }
            if error is Again { state = .unfinished } else { end(reason(of: error)) }
        }
    }

    // MARK: Logged in

    /// Calls the service with the access token. It throws a Refusal when the gateway refuses the login.
    func call(_ method: String, _ path: String, body: Data? = nil) async throws -> Answer {
        guard load() else { throw Refusal(.storage) }
        guard var tokens = kept?.tokens else { throw Refusal(.loggedOut) }
        var refreshed = false
        while true {
            let answer = try await present(tokens, method, path, body)
            let code = answer.status == 401 ? answer.code : nil
            if code == "insufficient_login" { throw stepUp(tokens, answer.challenge) }
            if refreshed || (code != "invalid_token" && code != "authentication_required") { return answer }
            tokens = try await newer(than: tokens)
            refreshed = true
        }
    }

    /// Sends a request with the access token, and with a proof if the token is bound.
    private func present(_ tokens: Tokens, _ method: String, _ path: String, _ body: Data?) async throws -> Answer {
        do {
            let bound = try tokens.key == nil ? nil : proofs(of: tokens.key)
            return try await gateway.call(method, path, access: tokens.access, body: body, proofs: bound)
        } catch let error where error is Again || error is Refusal {
            throw refused(tokens, error)
        } catch {
            throw Refusal(.unreachable)
        }
    }

    /// Returns newer tokens. All calls share one exchange, which goes on when a caller is cancelled.
    private func newer(than tokens: Tokens) async throws -> Tokens {
        guard let now = kept?.tokens else { throw Refusal(.loggedOut) }
        guard now == tokens else { return now }
        if let refreshing { return try await refreshing.value }
        let exchange = Task {
            defer { self.refreshing = nil }
            return try await self.refresh(tokens)
        }
        refreshing = exchange
        return try await exchange.value
    }

    private func refresh(_ tokens: Tokens) async throws -> Tokens {
        do {
            guard let token = tokens.refresh else { throw Refusal(.over) }
            let answer = try await patiently(25) { try await self.gateway.refresh(token, self.proofs(of: tokens.key)) }
            var next = tokens
            next.access = answer.access
            next.refresh = answer.refresh ?? tokens.refresh
            next.key = answer.key
            guard kept?.tokens == tokens else {
                revoke(next) // a logout or another login came first
                if let other = kept?.tokens { return other }
                throw Refusal(.loggedOut)
            }
            keep(Kept(login: kept?.login, tokens: next))
            return next
        } catch {
            throw refused(tokens, error)
        }
    }

    /// Returns the refusal for an error. It forgets tokens that are over.
    private func refused(_ tokens: Tokens, _ error: Error) -> Refusal {
        let why = reason(of: error)
        if why == .over, kept?.tokens == tokens {
            keep(Kept(login: kept?.login))
            if kept?.login == nil { state = .loggedOut(why) }
        }
        return Refusal(why)
    }

    /// Returns the maker of proofs with this phone's key. Nil in an app without a key.
    private func proofs() throws -> Proofs? {
        if let maker { return maker }
        do {
            maker = try device.key().map { Proofs(key: $0, device: device) }
            return maker
        } catch {
            throw Again(seconds: 2, reason: .storage) // a locked phone has not lost its key
        }
    }

    /// Returns the maker of proofs for a login. Without the key that it is bound to, the user logs in again.
    private func proofs(of key: String?) throws -> Proofs? {
        let now = try proofs()
        if let key, key != now?.thumbprint { throw Refusal(.over) }
        return now
    }

    /// Forgets the login at once, and ends it at the gateway.
    func logOut() {
        guard let before = kept else { return } // unreadable: there is nothing that could be ended
        attempt += 1
        keep(Kept())
        state = .loggedOut(nil)
        if let login = before.login { cancel(login) }
        if let tokens = before.tokens { revoke(tokens) }
    }

    // MARK: What is kept

    /// Reads storage once. It returns whether it could. It never deletes anything.
    private func load() -> Bool {
        if kept != nil { return true }
        do {
            let read = try device.read().map { try JSONDecoder().decode(Kept.self, from: $0) } ?? Kept()
            kept = read
            if let login = read.login {
                state = login.code == nil ? .atItsme : .unfinished
            } else {
                state = read.tokens == nil ? .loggedOut(nil) : .loggedIn(nil)
            }
            return true
        } catch {
            state = .unreadable
            return false
        }
    }

    /// Keeps something in memory and in storage. It returns whether storage has it.
    @discardableResult
    private func keep(_ next: Kept) -> Bool {
        kept = next
        do {
            try device.write(next.isEmpty ? nil : JSONEncoder().encode(next))
            unwritten = false
        } catch {
            unwritten = true // resume writes it again
        }
        return !unwritten
    }

    /// Ends the login under way. The tokens of an older login stay.
    private func end(_ reason: Reason?) {
        if let now = kept, now.login != nil { keep(Kept(tokens: now.tokens)) }
        guard let kept else {
            state = .unreadable
            return
        }
        state = kept.tokens == nil ? .loggedOut(reason) : .loggedIn(reason)
    }

    // MARK: The gateway

    /// Cancels a login at the gateway and at Signicat. Without this request the login expires.
    private func cancel(_ login: Login, error: String? = nil) {
        Task { try? await patiently(20) { try await self.gateway.cancel(login, error: error) } }
    }

    private func revoke(_ tokens: Tokens) {
        Task { try? await patiently(20) { try await self.gateway.revoke(tokens) } }
    }

    /// Sends the same again while the gateway says so and while no answer arrives.
    private func patiently<T>(_ seconds: Double, _ send: () async throws -> T) async throws -> T {
        let end = Date(timeIntervalSinceNow: seconds)
        while true {
            do {
                return try await send()
            } catch let again as Again where Date(timeIntervalSinceNow: Double(again.seconds)) < end {
                await sleep(again.seconds)
            }
        }
    }

    /// It goes on when the calling task is cancelled, such as that of a view that closes.
    private func sleep(_ seconds: Int) async {
        await Task { try? await Task.sleep(nanoseconds: UInt64(seconds) * 1_000_000_000) }.value
    }

    private var language: String? {
        let language = device.language.prefix(2).lowercased()
        return ["nl", "fr", "de", "en"].contains(language) ? language : nil
    }

    private func hash(_ text: String) -> String { device.sha256(Data(text.utf8)).base64URL }
}

/// Reads RFC 9470's challenge. A login that was asked for the same a moment ago cannot be improved.
private func stepUp(_ tokens: Tokens, _ challenge: String) -> Refusal {
    func parameter(_ name: String) -> String? {
        guard let found = challenge.range(of: "\\b\(name)=\"[^\"]+", options: .regularExpression) else { return nil }
        return challenge[found].split(separator: "\"").last.map(String.init)
    }
    let asked = Asked(acrValues: parameter("acr_values"), maxAge: parameter("max_age").flatMap { Int($0) })
    let tooOld = asked.maxAge.map { Date().timeIntervalSince(tokens.at) > Double($0) } ?? false
    if tokens.asked.acrValues == asked.acrValues, !tooOld { return Refusal(.notEnough) }
    return Refusal(.stepUp, asked: asked)
}

private func reason(of error: Error) -> Reason {
    if let refusal = error as? Refusal { return refusal.reason }
    if let again = error as? Again { return again.reason }
    return .failed
}
