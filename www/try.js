// Puts the address of this server into the commands. Without a script they keep the words that stand for it, and the page
// says what belongs there. The port of HTTPS is known to a page that came over HTTPS alone.
const https = location.protocol === "https:" ? location.origin : `https://${location.hostname}:PORT`;
for (const place of document.querySelectorAll("var.site")) place.textContent = location.origin;
for (const place of document.querySelectorAll("var.https")) place.textContent = https;
document.getElementById("by-hand").remove();
