// On a phone the menu is a strip: the place where one is comes into sight.
document.querySelector(".menu [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
