// Makes the form a link that opens itsme: iOS opens an app for a tap on a link, and for no script that
// waited. So on a touch device the login starts before the tap, once the user sees the page. With a mouse or
// a keyboard it starts with the click, and the script follows the link itself.
(() => {
	const find = id => document.getElementById(id)
	const page = document.querySelector("main").dataset
	const form = find("form"), link = find("link"), reopen = find("reopen"), status = find("status")
	const touch = matchMedia("(pointer: coarse)").matches
	let session = page.session, asked = false, tapped = false, opened = false, polling = false, elsewhere = false
	let expires = Infinity, leaving = new AbortController()

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

	// The tab remembers its login, so that a reload continues with the same one. Without storage a reload
	// starts another.
	const stored = "itsme-login:" + page.path
	const keep = (name, value) => {
		try {
			if (value) sessionStorage.setItem(name, value)
			else sessionStorage.removeItem(name)
		} catch {}
	}
	const remember = id => keep(stored, id)
	const remembered = () => {
		try {
			return sessionStorage.getItem(stored) || ""
		} catch {
			return ""
		}
	}

	const point = (element, url) => {
		element.href = url
		element.rel = "noreferrer"
	}
	const ready = started => {
		session = started.session_id
		remember(session)
		// A browser sends no fragment, and itsme's pages lose it. The tab keeps it for the page that ends the login.
		keep("itsme-fragment:" + session, location.hash)
		point(link, started.authorization_request_url)
		point(reopen, started.authorization_request_url)
		expires = Date.now() + started.expires_in * 1000
		setTimeout(expire, started.expires_in * 1000)
		if (tapped && !touch) {
			open()
			return location.assign(link.href)
		}
		link.classList.remove("busy")
		if (tapped) askAgain()
	}
	// The tap came before the link. The page then asks for another tap, and for nothing else.
	const askAgain = () => {
		const [text, ...others] = document.querySelectorAll("#start p")
		for (const other of others) other.remove()
		text.textContent = page.ready
		find("start").querySelector("h1").textContent = document.title = page.title
		link.querySelector("span").textContent = page.open
		say(page.ready, true)
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
		link.classList.add("busy")
		const fields = new URLSearchParams(new FormData(form))
		if (remembered()) fields.set("resume", remembered())
		if (location.hash) fields.set("fragment", "1")
		try {
			const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" }, body: fields })
			if (answer.ok) ready(await answer.json())
			else refused(answer.status)
		} catch {
			refused(0)
		}
	}
	// A page that is loaded in advance or stands in a tab in the background starts nothing.
	const startWhenSeen = () => {
		let timer
		const look = () => {
			clearTimeout(timer)
			if (!document.hidden && !document.prerendering) timer = setTimeout(start, 400)
		}
		document.addEventListener("visibilitychange", look)
		document.addEventListener("prerenderingchange", look)
		look()
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
		remember("")
		if (finished) location.replace(page.return + location.hash)
		else show(find(outcome) ? outcome : { aborted: "denied", cancelled: "denied" }[outcome] || "expired")
	}
	// A login that the user never opened is no failure: the next tap starts another.
	const expire = () => {
		if (!session || Date.now() < expires) return
		if (opened || !form) return end("expired")
		session = ""
		remember("")
		asked = tapped = false
		for (const attribute of ["href", "rel"]) link.removeAttribute(attribute)
	}
	const statusOf = async (id, query = "") => {
		const answer = await fetch(page.path + "/sessions/" + id + query, { signal: leaving.signal })
		const found = answer.ok ? await answer.json() : { status: answer.status === 404 ? "expired" : "unknown" }
		return { ...found, wait: Number(answer.headers.get("Retry-After")) || 0 }
	}
	const poll = async () => {
		if (polling) return
		polling = true
		// The first answer comes at once. It says what happened while the page was not looked at.
		for (let query = ""; session && !document.hidden; query = elsewhere ? "" : "?wait=25s") {
			let wait = 2
			try {
				const found = await statusOf(session, query)
				wait = Math.max(wait, found.wait)
				if (found.status !== "pending" && found.status !== "unknown") await end(found.status)
				else if (found.elsewhere && !elsewhere) {
					elsewhere = true
					show("elsewhere")
				}
			} catch {
				if (leaving.signal.aborted) break
			}
			// A gateway with too many long polls answers at once, with Retry-After.
			await pause(wait)
		}
		polling = false
	}
	const back = () => {
		expire() // a phone that slept stopped the timer
		if (!opened || !session || document.hidden) return
		show(elsewhere ? "elsewhere" : "opened")
		poll()
	}
	const open = () => {
		opened = true
		history.replaceState(session, "")
		poll()
	}
	// The system drops a tab while the user is at itsme, and loads it again when the user comes back. The entry of the
	// history still names the login that the page opened. It may have ended in another tab. resume returns true when
	// the page continues with that login.
	const resume = async () => {
		const before = history.state
		if (!before) return false
		const { status, elsewhere } = await statusOf(before)
		if (status === "issued" && (await fetch(page.path + "/userinfo")).ok) {
			location.replace(page.return + location.hash)
			return true
		}
		if (status !== "pending" || elsewhere) return false
		await start()
		if (session !== before) return false
		opened = true
		back()
		return true
	}

	// The cookies of a login work on public_url's origin alone, and not on its twin on plain http.
	if (form && new URL(form.action).origin !== location.origin) return location.replace(form.action + location.search + location.hash)
	if (!navigator.cookieEnabled) return show("no_cookies")
	if (form) {
		form.hidden = true
		link.hidden = false
		form.addEventListener("submit", () => form.querySelector("button").classList.add("busy"))
		link.addEventListener("pointerdown", start)
		link.addEventListener("focus", () => link.matches(":focus-visible") && start())
		// It says that it is a button, so Space works as Enter does.
		link.addEventListener("keydown", event => {
			if (event.key !== " " && (event.key !== "Enter" || link.href)) return
			event.preventDefault()
			if (!event.repeat) link.click()
		})
		resume().catch(() => false).then(resumed => resumed || touch && page.start !== "tap" && startWhenSeen())
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
	for (const over of [find("over"), find("elsewhere").querySelector("a")]) over.addEventListener("click", () => {
		remember("")
		fetch(page.path + "/sessions/" + session + "/cancel", { method: "POST", keepalive: true })
	})
	for (const again of document.querySelectorAll("nav a, #over, .once-more:not(#reopen)")) again.hash = location.hash
	addEventListener("pagehide", () => leaving.abort())
	addEventListener("pageshow", () => {
		leaving = new AbortController()
		back()
	})
	document.addEventListener("visibilitychange", back)
})()
