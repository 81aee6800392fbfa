// The terminal page; filled when the terminal exists.
