//! Mails through an SMTP server: a small one that keeps what it takes.

use kernel::outbox::{Mailbox, Smtp};
use server::testkit::{World, outside};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

/// Speaks enough of RFC 5321 to take a mail; refuses the first one it is offered.
#[allow(clippy::disallowed_methods, reason = "ends with the test")]
async fn sink(taken: Arc<Mutex<Vec<String>>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut offered = 0;
        while let Ok((stream, _)) = listener.accept().await {
            offered += 1;
            let (reader, mut writer) = stream.into_split();
            let mut lines = BufReader::new(reader).lines();
            let mut mail: Option<String> = None;
            writer.write_all(b"220 sink\r\n").await.unwrap();
            while let Ok(Some(line)) = lines.next_line().await {
                let answer = match (&mut mail, line.as_str()) {
                    (Some(_), ".") => {
                        taken.lock().unwrap().push(mail.take().unwrap());
                        "250 taken"
                    }
                    (Some(text), line) => {
                        text.push_str(line);
                        text.push('\n');
                        continue;
                    }
                    (None, line) if line.starts_with("EHLO") => "250 8BITMIME",
                    (None, line) if line.starts_with("MAIL") && offered == 1 => "451 later",
                    (None, "DATA") => {
                        mail = Some(String::new());
                        "354 go on"
                    }
                    (None, "QUIT") => "221 bye",
                    _ => "250 fine",
                };
                writer.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
            }
        }
    });
    port
}

#[tokio::test]
async fn a_mail_a_server_does_not_take_is_offered_again_and_then_no_more() {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let port = sink(taken.clone()).await;
    let smtp = Smtp { host: "127.0.0.1".into(), port, encryption: "none".into(), login: None };
    let world = World::new().await;
    let mut outside = outside(server::testkit::join().1, &world.mails);
    outside.mailbox = Mailbox::server(smtp, "AI Cloud <no-reply@example.com>".into()).unwrap();
    let config = server::config::Config::load(None, std::iter::empty()).unwrap();
    let app = server::wire::app(
        world.test_db.db.clone(),
        world.app.seams.clone(),
        world.app.site.clone(),
        &config,
        outside,
    )
    .unwrap();
    let mut tx = app.db.write(&server::testkit::SEED).await.unwrap();
    kernel::outbox::mail(&mut tx, "ada@example.com", "Grüße", "One line.\n.\nAnother.")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let sweep = kernel::outbox::sweep();
    for seconds in [0, 1, 31, 3600, 86_400] {
        world.advance(seconds);
        (sweep.run)(app.clone()).await.unwrap();
    }
    let taken = taken.lock().unwrap();
    assert_eq!(taken.len(), 1, "{taken:?}");
    assert!(taken[0].contains("To: ada@example.com") && taken[0].contains("Another."), "{taken:?}");
}

#[test]
fn a_server_elsewhere_is_not_spoken_to_in_clear() {
    let smtp = |host: &str, encryption: &str| Smtp {
        host: host.into(),
        port: 25,
        encryption: encryption.into(),
        login: None,
    };
    let from = || "AI Cloud <no-reply@example.com>".to_owned();
    assert!(Mailbox::server(smtp("mail.example.com", "none"), from()).is_err());
    assert!(Mailbox::server(smtp("mail.example.com", "starttls"), from()).is_ok());
    assert!(Mailbox::server(smtp("mail.example.com", "maybe"), from()).is_err());
}
