//! SQLite: killed at any write, and a disk that is full for a while.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rand::RngExt;
use serde_json::json;
use sitewright::ids::{GlobalId, IdKind};

use crate::checks::{integrity, succeeded_or_poison, written_once};
use crate::client::{Client, Wish};
use crate::experiments::{Measured, Outcome, Trial};
use crate::load::{a_moment, flowing, follow_all, start_all, writers};
use crate::nodes::Nodes;
use crate::stage::Stage;
use crate::support::Backend;

/// The only process is killed at any moment, again and again, while it writes as fast as it can.
pub async fn kills(mut trial: Trial) -> Measured {
    let mut stage = Stage::with_pages(trial.backend, 8).await;
    stage.model.speed(500);
    let mut clients = writers(&stage);
    let kills = if trial.is_quick { 4 } else { 10 };
    stage.moves = kills;
    let nodes = Nodes::new([stage.node(&[]).await]);
    start_all(&nodes, &mut clients).await;
    follow_all(&stage, &nodes, &mut clients, async {
        for _ in 0..kills {
            a_moment(&mut trial.chance, 900).await;
            nodes.kill(0).await;
            integrity(&stage).await;
            nodes.put(0, stage.node(&[]).await);
        }
    })
    .await;
    integrity(&stage).await;
    let [_, quarantined] = succeeded_or_poison(&stage, &clients, clients.len() / 4).await;
    nodes.stop().await;
    stage.close(&clients.iter().collect::<Vec<_>>()).await;
    vec![("kills", kills as f64), ("quarantined", quarantined as f64)]
}

/// A file system of its own, small, that goes with this value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where we may not mount one.
    fn mount(folder: &Path) -> Option<SmallDisk> {
        let place = folder.join("disk");
        fs::create_dir(&place).expect("a folder");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(&place);
        let mounted = command.output().is_ok_and(|output| output.status.success());
        mounted.then_some(SmallDisk(place))
    }

    fn fill(&self) {
        let mut ballast = File::create(self.0.join("ballast")).expect("there is room for a name");
        let block = vec![1; 64 * 1024];
        while ballast.write_all(&block).is_ok() {}
        // The last pages as well.
        while ballast.write_all(&block[..512]).is_ok() {}
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("ballast")).expect("it is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

/// The disk is full in the middle of everything, and some seconds later it is not.
pub async fn disk_full(mut trial: Trial) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = SmallDisk::mount(folder.path()) else {
        return Outcome::LeftOut("it takes the right to mount");
    };
    let url = format!("sqlite://{}/test.db", disk.0.display());
    let stage = Stage::built(Backend::Sqlite, 8, |config| config.database.url = url).await;
    stage.model.speed(60);
    let nodes = Nodes::new([stage.node(&[("SITEWRIGHT_JOBS__RETRY_CAP_MS", "1000")]).await]);
    let mut clients = writers(&stage);
    start_all(&nodes, &mut clients).await;
    flowing(&stage, 8).await;
    let site = stage.world.blueprint(stage.world.account).await;
    let mut late = Client::new(Wish::Plan(site));
    follow_all(&stage, &nodes, &mut clients, async {
        a_moment(&mut trial.chance, 1_500).await;
        disk.fill();
        // A start cannot be stored: it is refused with words, never acknowledged, and nobody crashes.
        let site = GlobalId::new(IdKind::Blueprint, site).to_string();
        let query = "mutation($input: GenerateStructureInput!) { generateStructure(input: $input) { job { id } } }";
        let input = json!({ "blueprintId": site, "idempotencyKey": late.key });
        let answer = nodes
            .at(0)
            .ask(None, query, json!({ "input": input }))
            .await
            .expect("it answers");
        let code = answer["errors"][0]["extensions"]["code"].as_str();
        assert_eq!(code, Some("SERVICE_UNAVAILABLE"), "{answer}");
        tokio::time::sleep(Duration::from_millis(trial.chance.random_range(1_000..4_000))).await;
        disk.make_room();
    })
    .await;
    stage.model.speed(0);
    late.live(&stage, &nodes, 0).await;
    integrity(&stage).await;
    for client in clients.iter().chain([&late]) {
        written_once(&stage, client).await;
    }
    nodes.stop().await;
    clients.push(late);
    stage.close(&clients.iter().collect::<Vec<_>>()).await;
    Measured::new().into()
}
