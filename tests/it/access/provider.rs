//! An identity provider: it signs tokens, publishes its keys over HTTP, and counts who asks for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

pub const ISSUER: &str = "https://id.example";
pub const AUDIENCE: &str = "sitewright";
pub const SECRET: &str = "a secret of these tests, 32 bytes or more";

/// A private key that was made for these tests and is used nowhere else.
const RSA: &str = "\
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCZf+KPF6HH8zVXKDqAHYVxVXCOzXbztr3FZkKdS7FFFjX10UiK
lcbsvMrb5o+5KBwS8RN8SMEmFYHcCwx9Z2pECWmbJT92HBJ3N4t9Pf/1B/kRV5lRk9Pb3ew1jLTeIYks3+9u5v8gx2kZtCHwXqoq
hOa2fUXvE5vXdf6hIAzgh9clyTLQEmUGdurp+Z+Si7eHtTa1fBGAix9lbjQ7ntiNxyMdl4111jRzuH1/3Be6rQ2LTpto4XFYInz7
B5Hj/OzSegOx1Qfhgn8BQc8JBasYDHj4xAYPvaIqGTc0H2niQDbZDfxCpkRENMUPs2ck7ZidNFn/grzE1dJCFmVmR7yxAgMBAAEC
ggEAAMIlHfNzewvgcPbBIDzVGefenh6q1mjUw/GIWs4tjmjzTrc68lABCzkiZZxRtuFZTyjQrEnl5hC6jc+M/0nIIyp/590dn3FO
JYzj6WmJoX3UN7yCL0ke0DdRhBEMMTdC811ECcfGIv+H4pwVWVfMY9ijf6tmMa3RVKrlHXRtioabU6sLeDQCmiWI/7OSRm1dpVF9
djz+75btiJ1U9x7X4GiWbX65Fig293O1qOlBwielS4IQh3Vi8N1TbqohBuI0CuPxzrZnZEZtfj+yT6Qxu3rWzOqv/Y9MmHDbyGY9
hgv98VFqEPEAMEfVSDHqPROWHhll9nzFesJrr7pVcmcaQQKBgQDM1i+NhijrCizyqwxvrLN8v1pwSi4X9viAYwEiOhQ5565FSX4E
G6bpld64RPJxISh0tbpZ3OhdYAw1bk/ZgzzP5GMoJnFQD/Za/JNQnw8G4i4V4wZ1oYuQYXE2nDm0/HWR/owV1oCSCLDlme98CplL
puXeuOg1Zcv7sO3IORoBkQKBgQC/1xB+c1ZgETKyHuqR+GEEYURy5JF4Ed3ltFvPmP//d4LXgQe3POQNOvCkr5BXC9cPX5btjosY
URXyK0G7VTP/u/5B5+yL9jDoOA3yu2TvgyEjd6gXwzCpdhJUhp3rOWN5jU2lLXg/VeKiIYGOzaUFsQPRDQgfk5AGWUV3NDB5IQKB
gDl4AkFvmX1QDopK6SNPzc+7FBGbDlGU7eV/YWsL5m7UjHVOCDf41hyE+sayOV76EZKlBdJ+gwbnkqVO/MIm6uHczuEN4A65W8Ht
SRt+dMXWoV1so3xPRYvNeuj6bcpUZlv+kajy1IGkRJU2WhVwF9A81BNnx2Zr2A4WdrANLTmxAoGBALlq9b8yXSbHGJe+d/wT9DlW
heECeHNz2WP+Ocrh13Skn2sJhFqf2M/MyvBx2/G2OOvb+TWsU1ZycOK62nJk/LhNjIdI0YHJtyWLoDee1gUFWc89BNPKzcrMmxTl
c9b5heLjJ0viMdoNedo4xk8vBjQFDmpMzTAv4MGyIQkBAWThAoGAXKIC1fGH1v1YJQTBiA4SGf6v/xHn7Z7NB2GqKC9cJf3uYoW+
9uejZMUS87di+j7HC/EaPHKIN+nQmIHXLUu4mAhZLh9A2ioyqjQ5pjmyDKJeBFVBIAPnH7DJDZbvF1zdbXIzB5dEWba0ia9mwS3e
Ntq/I70McfxU1Cw9XrPoRDw=";

/// How a token is signed.
pub enum Signed<'a> {
    Rsa,
    Ec,
    Hmac(&'a [u8]),
    Not,
}

pub struct Provider {
    rsa: RsaKeyPair,
    ec: Mutex<EcdsaKeyPair>,
    /// The key set that is served.
    served: Mutex<String>,
    asked: AtomicUsize,
}

impl Provider {
    pub fn new() -> Arc<Provider> {
        let der = STANDARD.decode(RSA.replace('\n', "")).unwrap();
        Arc::new(Provider {
            rsa: RsaKeyPair::from_pkcs8(&der).unwrap(),
            ec: Mutex::new(new_ec()),
            served: Mutex::default(),
            asked: AtomicUsize::new(0),
        })
    }

    /// A new P-256 key takes the place of the old one.
    pub fn rotate(&self) {
        *self.ec.lock() = new_ec();
    }

    /// The set with both keys; the P-256 key has this id.
    pub fn set(&self, ec: &str) -> Value {
        let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(self.rsa.public_key());
        let point = self.ec.lock().public_key().as_ref().to_vec();
        json!({ "keys": [
            { "kty": "RSA", "kid": "rsa", "alg": "RS256", "use": "sig", "n": base(&n), "e": base(&e) },
            { "kty": "EC", "kid": ec, "crv": "P-256", "x": base(&point[1..33]), "y": base(&point[33..]) },
        ] })
    }

    /// What everybody can know of the RSA key, in the forms in which programs hold it.
    pub fn public_forms(&self) -> Vec<Vec<u8>> {
        let components = PublicKeyComponents::<Vec<u8>>::from(self.rsa.public_key());
        let der = self.rsa.public_key().as_ref().to_vec();
        let pem = format!(
            "-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n",
            STANDARD.encode(&der)
        );
        vec![
            components.n.clone(),
            base(&components.n).into_bytes(),
            der,
            pem.into_bytes(),
        ]
    }

    pub fn token(&self, header: Value, claims: &Value, signed: Signed) -> String {
        let message = format!(
            "{}.{}",
            base(header.to_string().as_bytes()),
            base(claims.to_string().as_bytes())
        );
        let random = SystemRandom::new();
        let signature = match signed {
            Signed::Rsa => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa
                    .sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature)
                    .unwrap();
                signature
            }
            Signed::Ec => self
                .ec
                .lock()
                .sign(&random, message.as_bytes())
                .unwrap()
                .as_ref()
                .to_vec(),
            Signed::Hmac(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            }
            Signed::Not => Vec::new(),
        };
        format!("{message}.{}", base(&signature))
    }

    /// A good token, signed with RSA.
    pub fn good(&self, subject: &str, role: &str) -> String {
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": "rsa" });
        self.token(header, &claims(subject, role), Signed::Rsa)
    }

    /// Serves the key set, whatever it is at the time; gives its address.
    pub async fn serve(self: &Arc<Self>) -> String {
        let provider = self.clone();
        let answer = move || {
            provider.asked.fetch_add(1, Ordering::SeqCst);
            let set = provider.served.lock().clone();
            async move { set }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().route("/keys", get(answer));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        format!("http://{address}/keys")
    }

    pub fn publish(&self, set: &Value) {
        *self.served.lock() = set.to_string();
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// What a good token says.
pub fn claims(subject: &str, role: &str) -> Value {
    json!({ "iss": ISSUER, "aud": [AUDIENCE, "other"], "sub": subject, "role": role, "exp": in_seconds(600) })
}

pub fn in_seconds(seconds: i64) -> i64 {
    sitewright::db::now().timestamp() + seconds
}

fn base(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn new_ec() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).unwrap()
}
