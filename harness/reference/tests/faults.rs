//! A server with a fault is wrong, but it lives and ends like any other.

mod common;

use common::{Client, HEADER};
use std::time::Duration;
use tokio::time::timeout;
use xmppspec_reference::{Config, Fault, Server};

#[tokio::test]
async fn every_faulty_server_survives_its_clients_and_shuts_down() {
    for &fault in Fault::ALL {
        let config = Config::new(common::DOMAIN)
            .account("romeo", "secret")
            .fault(fault);
        let server = Server::start(config).await.unwrap();
        for text in ["", "<", HEADER, "</stream:stream>"] {
            let mut client = Client::connect(&server).await;
            client.send(text).await;
            client
                .send(&format!(
                    "{HEADER}<presence/><message to='a@b'/>\u{0}</stream:stream>"
                ))
                .await;
        }
        let ended = timeout(Duration::from_secs(20), server.shutdown()).await;
        assert!(ended.is_ok(), "{fault} keeps the server from shutting down");
    }
}

#[tokio::test]
async fn a_fault_is_what_its_name_says() {
    for (fault, attribute) in [
        (Fault::HeaderWithoutId, "id"),
        (Fault::HeaderWithoutFrom, "from"),
    ] {
        let server = Server::start(Config::new(common::DOMAIN).fault(fault))
            .await
            .unwrap();
        let mut client = Client::connect(&server).await;
        let (header, _) = client.open().await;
        assert_eq!(header.attr(attribute), None, "{fault}");
    }
}
