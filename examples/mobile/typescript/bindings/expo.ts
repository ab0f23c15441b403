// Binds the core to Expo and React Native. Unverified: checked against the packages' types, not run on
// a phone.
import * as Crypto from "expo-crypto";
import { fetch } from "expo/fetch";
import { File, Paths } from "expo-file-system";
import * as Linking from "expo-linking";
import * as SecureStore from "expo-secure-store";
import { AppState } from "react-native";
import { Itsme, type Device, type Settings, type State } from "../itsme";

const item = "itsme";
const keychain: SecureStore.SecureStoreOptions = {
  keychainService: "itsme",
  keychainAccessible: SecureStore.WHEN_UNLOCKED_THIS_DEVICE_ONLY,
};

const device: Device = {
  async send({ method, url, headers, body }) {
    // Not React Native's own fetch: that one follows redirects, whatever it is asked.
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), 20_000);
    try {
      const answer = await fetch(url, { method, headers, body, redirect: "manual", credentials: "omit", signal: limit.signal });
      return { status: answer.status, header: (name) => answer.headers.get(name), body: await answer.text() };
    } finally {
      clearTimeout(timer);
    }
  },
  async read() {
    await wipeAfterReinstall();
    return SecureStore.getItemAsync(item, keychain);
  },
  async write(text) {
    if (text === null) await SecureStore.deleteItemAsync(item, keychain);
    else await SecureStore.setItemAsync(item, text, keychain);
  },
  async open(link) {
    await Linking.openURL(link); // never WebBrowser: itsme has to open as an app
  },
  random: (count) => Crypto.getRandomBytesAsync(count),
  async sha256(text) {
    const hex = await Crypto.digestStringAsync(Crypto.CryptoDigestAlgorithm.SHA256, text, { encoding: Crypto.CryptoEncoding.HEX });
    return Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
  },
  language: () => Intl.DateTimeFormat().resolvedOptions().locale,
  now: Date.now,
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  // No key: Expo and React Native have no WebCrypto. A native module can give one, by the rules of Device.
};

/** The keychain of iOS outlives the app. A file does not: where there is none, the app is new. */
async function wipeAfterReinstall(): Promise<void> {
  const marker = new File(Paths.document, "itsme-installed");
  if (AppState.currentState !== "active" || marker.exists) return; // before the first unlock no file can be read
  await SecureStore.deleteItemAsync(item, keychain);
  marker.create();
}

/** Makes the app's one login. Call it once, outside of every component. */
export function createItsme(settings: Settings, changed: (state: State) => void): Itsme {
  const itsme = new Itsme(device, settings, changed);
  const take = (url: string | null) => { if (url) void itsme.link(url); };
  Linking.addEventListener("url", ({ url }) => take(url));
  AppState.addEventListener("change", (state) => { if (state === "active") void itsme.resume(); });
  void Linking.getInitialURL().then(take).then(() => itsme.resume());
  return itsme;
}
