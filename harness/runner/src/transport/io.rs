//! The byte stream below XML: TCP, then perhaps TLS; tells how it ended.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::capture::Tap;

/// TCP whose first bytes were already read: what a target sends behind `<proceed/>` belongs to the handshake.
#[derive(Debug)]
pub(super) struct Rewound {
    pub(super) read_before: Vec<u8>,
    pub(super) tcp: TcpStream,
    /// Hears of every byte, where a capture is wanted.
    pub(super) tap: Option<Tap>,
}

/// How TCP says that the other side refuses everything.
fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read_before.is_empty() {
            let before = buf.filled().len();
            let result = ready!(Pin::new(&mut self.tcp).poll_read(cx, buf));
            if let Some(tap) = &mut self.tap {
                match (&result, &buf.filled()[before..]) {
                    (Ok(()), []) => tap.was_finished(),
                    (Ok(()), bytes) => tap.received(bytes),
                    (Err(error), _) if is_reset(error) => tap.was_reset(),
                    (Err(_), _) => {}
                }
            }
            return Poll::Ready(result);
        }
        let n = self.read_before.len().min(buf.remaining());
        buf.put_slice(&self.read_before[..n]);
        self.read_before.drain(..n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.tcp).poll_write(cx, buf));
        if let (Some(tap), Ok(n)) = (&mut self.tap, &result) {
            tap.sent(&buf[..*n]);
        }
        Poll::Ready(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.tcp).poll_shutdown(cx));
        // From here on the tap has nothing to tell of our side: dropping it says FIN.
        self.tap = None;
        Poll::Ready(result)
    }
}

/// What the bytes travel on.
#[derive(Debug)]
pub(super) enum Io {
    Plain(Rewound),
    Tls {
        stream: Box<TlsStream<Rewound>>,
        /// The target said close_notify; what is left to see is the end of TCP.
        closed: bool,
    },
    /// Dropped, or between TCP and TLS.
    None,
}

/// What a read found.
pub(super) enum Read {
    Bytes(usize),
    /// TLS ended as it should (RFC 8446 §6.1); TCP goes on.
    CloseNotify,
    /// The other side sends no more: FIN.
    Fin,
    /// The other side refuses everything: RST.
    Rst,
    /// TLS broke, or something rarer.
    Broken(io::Error),
}

impl Io {
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<Read> {
        let mut buf = ReadBuf::new(buf);
        let (result, raw) = match self {
            Io::Plain(tcp) => (ready!(Pin::new(tcp).poll_read(cx, &mut buf)), true),
            Io::Tls { stream, closed } if *closed => (
                ready!(Pin::new(stream.get_mut().0).poll_read(cx, &mut buf)),
                true,
            ),
            Io::Tls { stream, .. } => (ready!(Pin::new(stream).poll_read(cx, &mut buf)), false),
            Io::None => return Poll::Pending,
        };
        Poll::Ready(match result {
            Ok(()) if !buf.filled().is_empty() => Read::Bytes(buf.filled().len()),
            Ok(()) if raw => Read::Fin,
            Ok(()) => {
                if let Io::Tls { closed, .. } = self {
                    *closed = true;
                }
                Read::CloseNotify
            }
            Err(e) if is_reset(&e) => Read::Rst,
            Err(e) => match e.kind() {
                io::ErrorKind::UnexpectedEof => Read::Fin,
                _ => Read::Broken(e),
            },
        })
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Io::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Io::Tls { stream, .. } => Pin::new(stream).poll_write(cx, bytes),
            Io::None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Io::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Io::Tls { stream, .. } => Pin::new(stream).poll_flush(cx),
            Io::None => Poll::Ready(Ok(())),
        }
    }

    /// Says that no more will be sent: close_notify in TLS, then FIN.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Io::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Io::Tls { stream, .. } => Pin::new(stream).poll_shutdown(cx),
            Io::None => Poll::Ready(Ok(())),
        }
    }
}
