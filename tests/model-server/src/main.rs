//! The same server as a program, for other processes and for people: `model-server [ADDRESS] [TOKENS_PER_SECOND]`.

use std::net::SocketAddr;

use model_server::Model;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8099".to_string());
    let address: SocketAddr = address.parse().map_err(std::io::Error::other)?;
    let speed = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(0);
    let model = Model::listen(address).await?;
    model.speed(speed);
    println!("{}", model.url());
    tokio::select! {
        () = model.forever() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(())
}
