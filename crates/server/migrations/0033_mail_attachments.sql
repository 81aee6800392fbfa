-- What goes with a mail, as long as the mail is kept.
CREATE TABLE mail_attachments (
  mail_id UUID PRIMARY KEY REFERENCES mails (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  media TEXT NOT NULL,
  bytes BYTEA NOT NULL
);
