// Binds the core to Capacitor and Ionic. Unverified: checked against the packages' types, not run on a
// phone.
import { KeychainAccess, SecureStorage } from "@aparajita/capacitor-secure-storage";
import { App } from "@capacitor/app";
import { AppLauncher } from "@capacitor/app-launcher";
import { CapacitorHttp } from "@capacitor/core";
import { Preferences } from "@capacitor/preferences";
import { Itsme, type Device, type Settings, type State } from "../itsme";
import { keyOf, makePair, type Pair } from "../webcrypto";

const item = "itsme";

const device: Device = {
  async send({ method, url, headers, body }) {
    // Native HTTP, not the web view's fetch: the gateway sends no CORS headers.
    const answered = CapacitorHttp.request({
      method, url, headers, data: body, responseType: "text", disableRedirects: true, connectTimeout: 20_000, readTimeout: 20_000,
    });
    const late = device.sleep(20_000).then(() => { throw new Error("no answer within 20 s"); });
    const answer = await Promise.race([answered, late]);
    const names = new Map(Object.keys(answer.headers).map((name) => [name.toLowerCase(), name]));
    return {
      status: answer.status,
      header: (name) => answer.headers[names.get(name.toLowerCase()) ?? name],
      body: typeof answer.data === "string" ? answer.data : JSON.stringify(answer.data), // JSON comes parsed
    };
  },
  async read() {
    await wipeAfterReinstall();
    const text = await SecureStorage.get(item, false, false);
    if (text !== null && typeof text !== "string") throw new Error("not what write stored");
    return text;
  },
  async write(text) {
    if (text === null) await SecureStorage.remove(item, false);
    else await SecureStorage.set(item, text, false, false, KeychainAccess.whenUnlockedThisDeviceOnly);
  },
  async open(link) {
    // Not Browser.open: that one shows a page inside of this app, and itsme does not open as an app.
    const { completed } = await AppLauncher.openUrl({ url: link });
    if (!completed) throw new Error("nothing opens the link");
  },
  random: (count) => crypto.getRandomValues(new Uint8Array(count)),
  async sha256(text) {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  },
  language: () => navigator.language,
  now: Date.now,
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  key: async () => keyOf(await storedPair()),
};

/**
 * Returns the key of this phone, and makes it if there is none. IndexedDB holds the key itself, and no
 * script reads its private part. The system may delete it when the phone is full: the user then logs in again.
 */
async function storedPair(): Promise<Pair> {
  const opened = indexedDB.open("itsme", 1);
  opened.onupgradeneeded = () => opened.result.createObjectStore("keys");
  const database = await result(opened);
  try {
    const kept: Pair | undefined = await result(database.transaction("keys").objectStore("keys").get("dpop"));
    if (kept) return kept;
    const made = await makePair();
    const change = database.transaction("keys", "readwrite", { durability: "strict" });
    change.objectStore("keys").add(made, "dpop"); // fails where there is one by now
    await new Promise<void>((resolve, reject) => {
      change.oncomplete = () => resolve();
      change.onabort = () => reject(change.error);
    });
    return made;
  } finally {
    database.close();
  }
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** The keychain of iOS outlives the app. Preferences do not: where there are none, the app is new. */
async function wipeAfterReinstall(): Promise<void> {
  if (!(await App.getState()).isActive) return; // before the first unlock no preference can be read
  if ((await Preferences.get({ key: "itsme-installed" })).value !== null) return;
  await SecureStorage.remove(item, false);
  await Preferences.set({ key: "itsme-installed", value: "yes" });
}

/** Makes the app's one login. Call it once, when the web view starts. */
export async function createItsme(settings: Settings, changed: (state: State) => void): Promise<Itsme> {
  const itsme = new Itsme(device, settings, changed);
  const take = (url: string | undefined) => { if (url) void itsme.link(url); };
  await App.addListener("appUrlOpen", ({ url }) => take(url));
  await App.addListener("appStateChange", ({ isActive }) => { if (isActive) void itsme.resume(); });
  take((await App.getLaunchUrl())?.url);
  await itsme.resume();
  return itsme;
}
