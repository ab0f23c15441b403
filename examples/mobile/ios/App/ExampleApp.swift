// Unverified: not compiled here. Swift 5.9, iOS 16.
import SwiftUI
import UIKit

/// The one login of the process, and its state for SwiftUI.
@MainActor
final class LoginModel: ObservableObject {
    static let shared = LoginModel()

    @Published private(set) var state: Itsme.State = .unread

    private(set) lazy var itsme = Itsme(
        device: Phone(),
        gateway: ItsmeGateway(
            origin: URL(string: "https://app.example.be")!,
            redirectURL: URL(string: "https://app.example.be/itsme/app/callback")!
        ),
        changed: { [weak self] in self?.state = $0 }
    )
}

@main
struct ExampleApp: App {
    @UIApplicationDelegateAdaptor private var delegate: AppDelegate

    var body: some Scene {
        WindowGroup { LoginView(login: LoginModel.shared) }
    }
}

final class AppDelegate: NSObject, UIApplicationDelegate {
    func application(
        _ application: UIApplication, configurationForConnecting session: UISceneSession, options: UIScene.ConnectionOptions
    ) -> UISceneConfiguration {
        let configuration = UISceneConfiguration(name: nil, sessionRole: session.role)
        configuration.delegateClass = SceneDelegate.self
        return configuration
    }
}

/// Takes universal links here and not in onOpenURL: at a cold start the link is in the connection
/// options, and SwiftUI does not hand it on in every version.
final class SceneDelegate: NSObject, UIWindowSceneDelegate {
    func scene(_ scene: UIScene, willConnectTo session: UISceneSession, options: UIScene.ConnectionOptions) {
        options.userActivities.forEach(take)
    }

    func scene(_ scene: UIScene, continue userActivity: NSUserActivity) {
        take(userActivity)
    }

    func sceneDidBecomeActive(_ scene: UIScene) {
        Task { await LoginModel.shared.itsme.resume() }
    }

    private func take(_ activity: NSUserActivity) {
        guard activity.activityType == NSUserActivityTypeBrowsingWeb, let url = activity.webpageURL else { return }
        Task { await LoginModel.shared.itsme.link(url) }
    }
}

struct LoginView: View {
    @ObservedObject var login: LoginModel
    @State private var message = ""
    @State private var asked: Asked?

    var body: some View {
        VStack(spacing: 20) {
            switch login.state {
            case .unread:
                ProgressView()
            case .unreadable:
                Text("Your login cannot be read at this moment.")
                button("Try again") { await login.itsme.resume() }
                button("Log in anew") { await login.itsme.start() }
            case .loggedOut(let reason):
                Text(reason?.message ?? "")
                button("Log in with itsme") { await login.itsme.start() }
            case .starting, .finishing:
                ProgressView()
                button("Cancel") { login.itsme.giveUp() }
            case .atItsme, .unanswered:
                Text("Confirm in the itsme app.")
                button("Open itsme again") { await login.itsme.openItsme() }
                button("Start over") { await login.itsme.start() }
                button("Cancel") { login.itsme.giveUp() }
            case .unfinished:
                Text("No connection.")
                button("Try again") { await login.itsme.resume() }
                button("Cancel") { login.itsme.giveUp() }
            case .loggedIn(let reason):
                Text(reason?.message ?? message)
                button("Show my profile") { await showProfile() }
                if let asked { button("Log in again") { await login.itsme.start(asked) } }
                button("Log out") { login.itsme.logOut() }
            }
        }
        .padding()
    }

    private func button(_ title: String, _ press: @escaping () async -> Void) -> some View {
        Button(title) { Task { await press() } }
    }

    private func showProfile() async {
        do {
            let answer = try await login.itsme.call("GET", "/api/profile")
            message = String(decoding: answer.body, as: UTF8.self)
            asked = nil
        } catch let refusal as Refusal {
            message = refusal.reason.message
            asked = refusal.asked
        } catch {
            message = Reason.failed.message
        }
    }
}

private extension Reason {
    var message: String {
        switch self {
        case .refused: return "You did not log in."
        case .expired: return "It took too long. Please log in again."
        case .over, .loggedOut: return "Please log in again."
        case .unreachable: return "No connection. Please try again."
        case .storage: return "This phone cannot keep your login at this moment."
        case .stepUp: return "This needs another login."
        case .notEnough: return "Your itsme cannot be used for this."
        case .failed: return "Something went wrong. Please try again."
        }
    }
}
