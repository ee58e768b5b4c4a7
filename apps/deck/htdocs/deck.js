// Turns a page of sections into slides: one is shown, and its number is the URL's fragment. Keys, buttons, swipes
// and clicks turn them. The slide of live figures asks the image for them each second while somebody sees it.
"use strict";
(() => {
	const slides = [...document.querySelectorAll("main > section")];
	const turn = document.querySelector(".turn");
	const place = turn.querySelector("output");
	let shown = -1;

	// -- which slide --

	function fromUrl() {
		const fragment = location.hash.slice(1);
		const n = Number(fragment);
		if (Number.isInteger(n) && n >= 1)
			return Math.min(n, slides.length) - 1;
		return Math.max(0, slides.findIndex((slide) => slide.id && slide.id === fragment));
	}

	function show(n) {
		const first = shown < 0;
		if (n === shown)
			return;
		shown = n;
		slides.forEach((slide, i) => { slide.hidden = i !== n; });
		place.textContent = `${n + 1} / ${slides.length}`;
		for (const button of turn.querySelectorAll("button"))
			button.disabled = !slides[n + Number(button.dataset.turn)];
		scrollTo(0, 0);
		if (!first) { // who listens to the page hears the heading
			const heading = slides[n].querySelector("h1, h2");
			heading.tabIndex = -1;
			heading.focus({ preventScroll: true });
		}
		watchFigures();
	}

	function go(n) {
		n = Math.max(0, Math.min(n, slides.length - 1));
		if (n === shown)
			return;
		history.pushState(null, "", `#${n + 1}`);
		show(n);
	}

	// -- how they are turned --

	// A slide that is larger than the window is read to its end before the next one comes.
	const root = document.documentElement;
	const atEnd = () => scrollY + innerHeight >= root.scrollHeight - 2;
	const atStart = () => scrollY <= 2;

	const keys = {
		ArrowRight: () => go(shown + 1),
		ArrowLeft: () => go(shown - 1),
		ArrowDown: () => atEnd() && go(shown + 1),
		ArrowUp: () => atStart() && go(shown - 1),
		PageDown: () => atEnd() && go(shown + 1),
		PageUp: () => atStart() && go(shown - 1),
		" ": (event) => event.shiftKey ? atStart() && go(shown - 1) : atEnd() && go(shown + 1),
		Home: () => go(0),
		End: () => go(slides.length - 1),
	};

	document.addEventListener("keydown", (event) => {
		if (event.ctrlKey || event.altKey || event.metaKey || (event.shiftKey && event.key !== " "))
			return;
		if (event.key === " " && event.target.closest("button, a"))
			return;
		if (event.key.startsWith("Arrow") && event.target.closest("pre")) // it is being scrolled
			return;
		const act = keys[event.key];
		if (act && act(event) !== false)
			event.preventDefault();
	});

	turn.addEventListener("click", (event) => {
		const button = event.target.closest("button");
		if (button)
			go(shown + Number(button.dataset.turn));
	});

	// A click beside what can be clicked or marked: on the left third back, otherwise on.
	document.addEventListener("click", (event) => {
		if (event.target.closest("a, button, nav, pre") || !getSelection().isCollapsed)
			return;
		go(shown + (event.clientX < innerWidth / 3 ? -1 : 1));
	});

	let touch = null;
	document.addEventListener("touchstart", (event) => {
		touch = event.touches.length === 1 && !event.target.closest("pre") ? event.touches[0] : null;
	}, { passive: true });
	document.addEventListener("touchend", (event) => {
		const end = event.changedTouches[0];
		const x = touch ? end.clientX - touch.clientX : 0, y = touch ? end.clientY - touch.clientY : 0;
		touch = null;
		if (Math.abs(x) > 50 && Math.abs(x) > 2 * Math.abs(y))
			go(shown + (x < 0 ? 1 : -1));
	}, { passive: true });

	// -- the figures of the running image --

	const live = document.getElementById("live");
	const cells = live ? live.querySelectorAll("[data-figure]") : [];
	const state = document.getElementById("live-state");
	const number = new Intl.NumberFormat("en");
	let timer = 0, asking = null;

	function text(name, value) {
		if (name.endsWith("_us"))
			return value < 1e6 ? `${number.format(value / 1e3)} ms` : `${number.format(Math.floor(value / 1e6))} s`;
		if (name.endsWith("_bytes") && value >= 1e4)
			return value < 1e7 ? `${number.format(Math.round(value / 1e3))} kB` : `${(value / 1e6).toFixed(1)} MB`;
		return number.format(value);
	}

	const seen = () => live && !live.hidden && !document.hidden;

	async function ask() {
		const asked = asking = new AbortController();
		try {
			const answer = await fetch("figures.json", { cache: "no-store", signal: asked.signal });
			if (!answer.ok)
				throw new Error(answer.status);
			const figures = await answer.json();
			// What this image does not count, as the packets of the host's own stack, is left out.
			for (const cell of cells) {
				const name = cell.dataset.figure;
				cell.parentElement.hidden = !(name in figures);
				if (name in figures)
					cell.textContent = text(name, figures[name]);
			}
			state.textContent = "Counted by the image that serves this page, a moment ago.";
		} catch (error) {
			if (asked.signal.aborted)
				return;
			state.textContent = "The image does not answer at the moment; these are its last figures.";
		}
		if (asking === asked)
			timer = setTimeout(ask, 1000);
	}

	function watchFigures() {
		clearTimeout(timer);
		if (asking)
			asking.abort();
		asking = null;
		if (seen())
			ask();
	}

	document.addEventListener("visibilitychange", watchFigures);
	addEventListener("popstate", () => show(fromUrl()));
	addEventListener("hashchange", () => show(fromUrl()));

	root.classList.add("deck");
	turn.hidden = false;
	show(fromUrl());
})();
