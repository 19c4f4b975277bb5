//! Sockets around the server core: TCP, STARTTLS, direct TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use crate::connection::{Connection, Stage};
use crate::hub::Hub;
use crate::{Config, Fault};

/// Bytes read at a time.
const CHUNK: usize = 8 * 1024;
/// While so many bytes wait for a client to read, nothing more is read from it.
const HIGH_WATER: usize = 64 * 1024;
/// How long a closed connection is kept to take in what the client is still sending: closing it earlier would reset
/// it, and the client might lose what the server said last.
const LINGER: Duration = Duration::from_secs(2);

/// How long accepting rests after an error, so that it does not spin.
const BREATH: Duration = Duration::from_millis(10);
/// As many doors are with listeners, not with connections.
const LISTENERS: usize = 2;

/// A running server. Dropping it stops it without goodbye; `shutdown` says goodbye.
#[derive(Debug)]
pub struct Server {
    domain: String,
    c2s: SocketAddr,
    c2s_tls: Option<SocketAddr>,
    listeners: Vec<JoinHandle<()>>,
    /// Says goodbye to all connections; when it is dropped they end at once.
    goodbye: watch::Sender<bool>,
    /// Each connection has a sender: when all are gone, so are the connections.
    connections: mpsc::Receiver<()>,
}

impl Server {
    /// Binds the listeners and serves until `shutdown`.
    ///
    /// # Errors
    /// When an address cannot be bound, the domain is no domain, or an account's name is no localpart.
    pub async fn start(config: Config) -> io::Result<Server> {
        let (listen, direct_tls) = (config.listen, config.direct_tls);
        let hub = Arc::new(Hub::new(config)?);
        let (goodbye, shutdown) = watch::channel(false);
        let (alive, connections) = mpsc::channel(1);
        let door = Door {
            hub: hub.clone(),
            shutdown,
            alive,
        };
        let listener = TcpListener::bind(listen).await?;
        let c2s = listener.local_addr()?;
        let mut listeners = vec![tokio::spawn(accept(listener, door.clone(), false))];
        let mut c2s_tls = None;
        if let Some(address) = direct_tls {
            let listener = TcpListener::bind(address).await?;
            c2s_tls = Some(listener.local_addr()?);
            listeners.push(tokio::spawn(accept(listener, door, true)));
        }
        Ok(Server {
            domain: hub.config().domain.clone(),
            c2s,
            c2s_tls,
            listeners,
            goodbye,
            connections,
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
        for listener in std::mem::take(&mut self.listeners) {
            listener.abort();
            // Its door must be gone too.
            let _ = listener.await;
        }
        self.goodbye.send_replace(true);
        while self.connections.recv().await.is_some() {}
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for listener in &self.listeners {
            listener.abort();
        }
    }
}

/// What a new connection needs.
#[derive(Clone)]
struct Door {
    hub: Arc<Hub>,
    shutdown: watch::Receiver<bool>,
    alive: mpsc::Sender<()>,
}

async fn accept(listener: TcpListener, door: Door, direct_tls: bool) {
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            // It is about that one connection, or there are too many open files, which passes when one is closed.
            sleep_until(Instant::now() + BREATH).await;
            continue;
        };
        // The listeners have one each.
        if door.alive.strong_count() >= door.hub.config().limits.connections + LISTENERS {
            continue;
        }
        let _ = socket.set_nodelay(true);
        let connection = Connection::new(door.hub.clone(), direct_tls);
        tokio::spawn(serve(socket, connection, door.clone()));
    }
}

/// Moves bytes between a socket and a connection until that has ended.
async fn serve(socket: TcpStream, connection: Connection, mut door: Door) {
    let mut line = Line {
        socket,
        connection,
        buffer: vec![0; CHUNK].into_boxed_slice(),
    };
    if line.run(&mut door).await.is_err() {
        line.connection.lost(now());
        return;
    }
    let closing = door.hub.config().closing_timeout;
    let _ = timeout(closing, line.flush()).await;
    let _ = timeout(LINGER, line.drain()).await;
}

struct Line {
    socket: TcpStream,
    connection: Connection,
    buffer: Box<[u8]>,
}

impl Line {
    /// Serves until nothing is left to be said.
    ///
    /// # Errors
    /// The connection has broken, or is to be dropped.
    async fn run(&mut self, door: &mut Door) -> io::Result<()> {
        let timer = sleep_until(Instant::now());
        tokio::pin!(timer);
        let mut timed = None;
        let mut going_down = false;
        loop {
            let stage = self.connection.stage();
            if stage == Stage::Finished {
                return Ok(());
            }
            if timed != Some(stage) {
                timed = Some(stage);
                if let Some(patience) = patience(stage, going_down, &door.hub) {
                    timer.as_mut().reset(Instant::now() + patience);
                }
            }
            if self.connection.is_paused() && self.connection.output().len() < HIGH_WATER {
                self.connection.advance(now());
                continue;
            }
            let mailbox = self.connection.session().mailbox().clone();
            let waiting = self.connection.output().len();
            let (mut read, mut write) = self.socket.split();
            tokio::select! {
                biased;
                changed = door.shutdown.changed() => match changed {
                    Ok(()) => {
                        self.connection.shut_down(now());
                        (going_down, timed) = (true, None);
                    }
                    Err(_) => return Err(io::ErrorKind::ConnectionAborted.into()),
                },
                sent = write.write(self.connection.output()), if waiting > 0 => {
                    let sent = sent?;
                    self.connection.output().drain(..sent);
                }
                () = mailbox.arrived(), if waiting < HIGH_WATER => {
                    self.connection.collect(now());
                }
                count = read.read(&mut self.buffer), if waiting < HIGH_WATER => match count? {
                    0 => self.connection.end_of_input(now()),
                    count => self.connection.received(&self.buffer[..count], now()),
                },
                () = &mut timer, if patience(stage, going_down, &door.hub).is_some() => {
                    self.connection.give_up(now());
                }
            }
        }
    }

    /// Sends what is left, then the end.
    async fn flush(&mut self) -> io::Result<()> {
        self.socket.write_all(self.connection.output()).await?;
        self.socket.shutdown().await
    }

    /// Takes in what the client still sends, until it closes too.
    async fn drain(&mut self) -> io::Result<()> {
        while self.socket.read(&mut self.buffer).await? > 0 {}
        Ok(())
    }
}

/// How long a stage may last.
fn patience(stage: Stage, going_down: bool, hub: &Hub) -> Option<Duration> {
    let config = hub.config();
    let endless = [
        Fault::ClosingNeverGivesUp,
        Fault::ClosingKeepsConnection,
        Fault::StarttlsFailureKeepsConnection,
    ];
    match stage {
        Stage::Negotiating => Some(config.negotiation_timeout),
        Stage::Closing if !going_down && endless.iter().any(|fault| config.has(*fault)) => None,
        Stage::Closing => Some(config.closing_timeout),
        Stage::Established | Stage::Finished => None,
    }
}

fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
