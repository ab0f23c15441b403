// Copies the address of the page. A browser inside an app may have no clipboard, and then the user copies by hand.
(() => {
	const find = id => document.getElementById(id)
	const address = find("address"), copy = find("copy")
	address.value += location.hash
	for (const link of [find("here"), find("open")]) if (link && !link.hash) link.hash = location.hash
	copy.hidden = false
	copy.addEventListener("click", async () => {
		let copied = true
		try {
			await navigator.clipboard.writeText(address.value)
		} catch {
			address.select()
			copied = document.execCommand("copy")
		}
		if (copied) find("status").textContent = copy.dataset.copied
	})
})()
