// A conversation of a Rust guest with clients that do what they are told, by std::net as
// it is.
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::wasi::io::FromRawFd;

fn tell(c: &mut TcpStream, line: &str) {
    writeln!(c, "{}", line).unwrap();
}

fn hear(c: &mut TcpStream, want: &str) {
    let mut got = vec![0; want.len()];
    c.read_exact(&mut got).unwrap();
    assert_eq!(got, want.as_bytes());
}

fn main() {
    let l = unsafe { TcpListener::from_raw_fd(3) };
    let (mut a, _) = l.accept().unwrap();
    tell(&mut a, "say hello");
    hear(&mut a, "hello");

    l.set_nonblocking(true).unwrap();
    assert_eq!(l.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    l.set_nonblocking(false).unwrap();
    tell(&mut a, "connect");
    let (mut b, _) = l.accept().unwrap();

    let text = "0123456789".repeat(3000);
    tell(&mut b, &format!("echo {}", text.len()));
    b.write_all(text.as_bytes()).unwrap();
    hear(&mut b, &text);
    tell(&mut b, "break");
    assert_eq!(b.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::ConnectionReset);

    tell(&mut a, "say bye");
    tell(&mut a, "end");
    let mut rest = String::new();
    a.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "bye");
    println!("sock_accept: Rust's TcpListener accepts, waiting and not");
    println!("fd_read: a broken connection is ConnectionReset in Rust");
}
