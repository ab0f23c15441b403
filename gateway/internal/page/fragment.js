// Brings the fragment of the URL back that the user wanted. The login page kept it: a browser sends no fragment, so
// the gateway does not know it.
(() => {
	const page = document.querySelector("main").dataset
	const kept = "itsme-fragment:" + page.session
	let fragment = ""
	try {
		fragment = sessionStorage.getItem(kept) || ""
		if (page.return) sessionStorage.removeItem(kept)
	} catch {}
	if (!page.return) {
		for (const link of document.querySelectorAll("a[href]")) link.hash = fragment
		return
	}
	const to = new URL(page.return, location.href)
	to.hash = fragment
	location.replace(to)
})()
