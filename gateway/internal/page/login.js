// Makes the form a link that opens itsme. The login starts while the finger is still down, so that
// the same tap follows the link: iOS opens an app for a tap on a link, and for no script that waited.
(() => {
	const find = id => document.getElementById(id)
	const page = document.querySelector("main").dataset
	const form = find("form"), link = find("link"), reopen = find("reopen"), status = find("status")
	let session = page.session, asked = false, tapped = false, opened = false, polling = false
	let leaving = new AbortController()

	const say = (text, unseen) => {
		status.classList.toggle("unseen", Boolean(unseen))
		status.textContent = text
	}
	const show = name => {
		for (const section of document.querySelectorAll("section")) section.hidden = section.id !== name
		const heading = find(name).querySelector("h1")
		document.title = heading.textContent
		say(find(name).textContent, true)
		// What had the focus may be hidden now.
		heading.tabIndex = -1
		heading.focus()
	}

	const ready = started => {
		session = started.session_id
		link.href = reopen.href = started.authorization_request_url
		link.removeAttribute("role")
		link.removeAttribute("tabindex")
		setTimeout(() => end("expired"), started.expires_in * 1000)
		if (!tapped) return
		link.querySelector("span").textContent = page.open
		say(page.ready)
	}
	// The form does without a script what could not be done with one. It is never malformed: what the
	// gateway misses is the cookie that came with this page.
	const refused = code => {
		if (code === 400) return show("no_cookies")
		link.hidden = true
		form.hidden = false
		say(find({ 403: "cross_site", 429: "too_many" }[code] || "unavailable").textContent)
	}
	const start = async () => {
		if (asked) return
		asked = true
		try {
			const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" }, body: new URLSearchParams(new FormData(form)) })
			if (answer.ok) ready(await answer.json())
			else refused(answer.status)
		} catch {
			refused(0)
		}
	}

	const pause = seconds => new Promise(resolve => setTimeout(resolve, seconds * 1000))
	// If another tab of this browser finished the login, this tab continues too. If another browser finished
	// it, this tab does not. The status may arrive before the cookie of the other tab.
	const isOurs = async () => {
		for (let tries = 0; tries < 5; tries++) {
			if ((await fetch(page.path + "/userinfo")).ok) return true
			await pause(1)
		}
		return false
	}
	const end = async outcome => {
		if (!session) return
		const finished = outcome === "issued" && await isOurs()
		session = ""
		if (finished) location.replace(page.return + location.hash)
		else show(find(outcome) ? outcome : { aborted: "denied", cancelled: "denied" }[outcome] || "expired")
	}
	const poll = async () => {
		if (polling) return
		polling = true
		while (session && !document.hidden) {
			let wait = 2
			try {
				const answer = await fetch(page.path + "/sessions/" + session + "?wait=25s", { signal: leaving.signal })
				wait = Math.max(wait, Number(answer.headers.get("Retry-After")) || 0)
				const outcome = answer.ok ? (await answer.json()).status : answer.status === 404 ? "expired" : "unknown"
				if (outcome !== "pending" && outcome !== "unknown") await end(outcome)
			} catch {
				if (leaving.signal.aborted) break
			}
			// A gateway with too many long polls answers at once, with Retry-After.
			await pause(wait)
		}
		polling = false
	}
	const back = () => {
		if (!opened || !session || document.hidden) return
		show("opened")
		poll()
	}
	const open = () => {
		opened = true
		poll()
	}

	// The cookies of a login work on public_url's origin alone, and not on its twin on plain http.
	if (form && new URL(form.action).origin !== location.origin) return location.replace(form.action + location.search + location.hash)
	if (!navigator.cookieEnabled) return show("no_cookies")
	if (form) {
		form.hidden = true
		link.hidden = false
		link.addEventListener("pointerdown", start)
		link.addEventListener("focus", () => link.matches(":focus-visible") && start())
		link.addEventListener("keydown", event => {
			if (link.href || (event.key !== "Enter" && event.key !== " ")) return
			event.preventDefault()
			link.click()
		})
	} else {
		ready({ session_id: session, authorization_request_url: link.href, expires_in: page.expires })
	}
	link.addEventListener("click", () => {
		if (link.href) return open()
		tapped = true
		say(page.wait)
		start()
	})
	reopen.addEventListener("click", open)
	find("over").addEventListener("click", () => {
		fetch(page.path + "/sessions/" + session + "/cancel", { method: "POST", keepalive: true })
	})
	addEventListener("pagehide", () => leaving.abort())
	addEventListener("pageshow", () => {
		leaving = new AbortController()
		back()
	})
	document.addEventListener("visibilitychange", back)
})()
