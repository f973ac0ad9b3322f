"""Acceptance statements of the session XML chapter, section 12, read from the documents that a store holds."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import pytest
from lxml import etree

from xnat_import_core import Fate, Service, Settings

NS = {"xnat": "http://nrg.wustl.edu/xnat", "cat": "http://nrg.wustl.edu/catalog"}
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


@pytest.fixture(scope="module")
def data() -> Path:
    folder = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real studies are not part of this project: no ../shared/data here")
    return folder


class Document:
    """A stored session document."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = etree.parse(path).getroot()
        self.type = etree.QName(self.root).localname
        self.scans = {scan.get("ID"): scan for scan in self.root.findall("xnat:scans/xnat:scan", NS)}

    def text(self, path: str, scan: str | None = None) -> str | None:
        """A field's text: ``a/b`` or ``a/@b``, of the session or of one scan; ``None`` where there is none."""
        place, _, attribute = path.rpartition("@") if "@" in path else (path, "", "")
        start = self.root if scan is None else self.scans[scan]
        steps = [f"xnat:{step}" for step in place.strip("/").split("/") if step]
        found = start.find("/".join(steps), NS) if steps else start
        if found is None:
            return None
        return found.get(attribute) if attribute else found.text

    def table(self) -> dict[str, tuple[str, str, dict[str, int]]]:
        """Of each scan: type, frames, and the files of each resource."""
        return {
            name: (
                scan.get(TYPE).removeprefix("xnat:").removesuffix("ScanData"),
                scan.findtext("xnat:frames", "", NS),
                {file.get("label"): int(file.get("file_count")) for file in scan.findall("xnat:file", NS)},
            )
            for name, scan in self.scans.items()
        }

    def check(self, scan: str | None = None, **expected: str | None) -> None:
        wanted = {path.replace("__", "/@").replace("_at_", "@"): value for path, value in expected.items()}
        assert {path: self.text(path, scan) for path in wanted} == wanted


class Site:
    """A fresh store that takes real studies."""

    def __init__(self, data: Path, store: Path) -> None:
        self.data, self.store = data, store
        with Service(Settings(store=store)) as service:
            service.projects.create("P")

    def take(self, *names: str, **parameters: str) -> list[Document]:
        with Service(Settings(store=self.store)) as service:
            wishes = {"dest": "/prearchive/projects/P", "import_handler": "SI"} | parameters
            self.outcome = service.import_upload(*(self.data / name for name in names), **wishes)
        found = [Document(path) for path in sorted(self.store.glob("prearchive/P/*/*.xml"))]
        return sorted(found, key=lambda document: document.text("@UID"))

    def one(self, *names: str) -> Document:
        (document,) = self.take(*names)
        return document

    def entries(self) -> list[Path]:
        """The file of every catalog entry."""
        catalogs = self.store.glob("prearchive/P/**/*_catalog.xml")
        return sorted(
            path.parent / entry.get("URI")
            for path in catalogs
            for entry in etree.parse(path).iterfind(".//cat:entry", NS)
        )

    def stored(self) -> list[Path]:
        """Every data file of the project."""
        return sorted(p for p in self.store.glob("prearchive/P/*/*/SCANS/**/*") if p.is_file() and p.suffix != ".xml")


@pytest.fixture
def site(data, tmp_path) -> Site:
    return Site(data, tmp_path / "store")


@pytest.mark.long
def test_16_shuffling_the_files_changes_no_byte_of_the_documents(data, tmp_path):
    members = {
        str(path.relative_to(data)): path.read_bytes()
        for folder in ("neurolabusc_dcm_qa_xa30", "QIICR_dcmqi/segmentations/24x38x3")
        for path in (data / folder).rglob("*.dcm")
    }
    seen = []
    for seed in range(3):
        names = sorted(members)
        random.Random(seed).shuffle(names)
        with zipfile.ZipFile(tmp_path / f"{seed}.zip", "w") as archive:
            for name in names:
                archive.writestr(name, members[name])
        site = Site(tmp_path, tmp_path / f"store-{seed}")
        site.take(f"{seed}.zip")
        paths = site.store.glob("prearchive/P/**/*.xml")
        seen.append({"/".join(path.relative_to(site.store).parts[3:]): path.read_bytes() for path in paths})
    assert len(seen[0]) == 10
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize("study", ["neurolabusc_dcm_qa_nih", "ImagingDataCommons_highdicom", "QIICR_dcmqi"])
def test_17_every_stored_file_is_in_exactly_one_catalog_entry(site, study):
    site.take(study)
    assert site.entries() == site.stored()
    assert len(site.stored()) == site.outcome.counts[Fate.STORED] > 0


def test_18_19_the_sample_study(site):
    document = site.one("NrgXnat_xnat_dicomtools/dicom")
    assert document.type == "MRSession"
    document.check(
        _at_label="Sample_ID",
        subject_ID="Sample_Patient",
        _at_UID="1.3.12.2.1107.5.2.32.35177.30000006121218324675000000034",
        date="2006-12-14",
        time="09:12:06",
        dcmPatientWeight="68.038864155",
        dcmPatientBirthDate="1975-12-31",
        scanner="MEDPC",
        scanner__manufacturer="SIEMENS",
        scanner__model="TrioTim",
        fieldStrength="3.0",
    )
    assert document.table() == {
        "4": ("mr", "5", {"DICOM": 5}),
        "5": ("mr", "2", {"DICOM": 2}),
        "6": ("mr", "2", {"DICOM": 2}),
    }
    expected = {
        "tr": "2400.0", "te": "3.08", "ti": "1000.0", "flip": "8.0", "pixelBandwidth": "220.0",
        "sequence": "*tfl3d1_ns", "scanSequence": r"GR\IR", "seqVariant": r"SP\MP\OSP", "scanOptions": "IR",
        "orientation": "Sag", "voxelRes/@x": "1.0", "voxelRes/@y": "1.0", "voxelRes/@z": "1.0",
        "fov/@x": "256", "fov/@y": "256",
    }  # fmt: skip
    assert {path: document.text(f"parameters/{path}", "4") for path in expected} == expected
    document.check("4", startTime="09:37:11")
    document.check("6", **{"parameters/te": "455.0", "parameters/ti": None, "parameters/scanOptions": None})


def test_20_an_enhanced_pet_with_long_values(site):
    document = site.one("NrgXnat_xnat_dicomtools/longValues/testtoenhanceddynamicpet.dcm")
    assert document.type == "PETSession"
    name = "Jacobs_14-008-M2_M28"
    document.check(_at_label=name, subject_ID=name, scanner__manufacturer=None)
    assert document.table() == {"1": ("pet", "4134", {"DICOM": 1})}


def test_21_22_an_enhanced_mr_study_with_a_structured_report(site):
    document = site.one("neurolabusc_dcm_qa_xa30")
    assert document.type == "MRSession"
    document.check(
        _at_label="12343_hucheng",
        subject_ID="XAtest_sub-July11",
        time="12:04:27",
        _at_modality="MR",
        dcmPatientWeight="72.57472",
    )
    frames_of_14 = "39"  # section 5 rule 9: frames of a multi-frame colour map are its NumberOfFrames
    assert document.table() == {
        "8": ("mr", "66", {"DICOM": 2}),
        "9": ("mr", "33", {"DICOM": 1}),
        "14": ("mr", frames_of_14, {"DICOM": 1}),
        "27": ("mr", "12", {"DICOM": 1}),
        "28": ("mr", "12", {"DICOM": 1}),
        "99": ("sr", "7", {"DICOM": 7}),
    }
    document.check("99", startTime="12:05:04")
    expected = {
        "coil": "HeadNeck_64", "parameters/tr": "600.0", "parameters/flip": "90.0",
        "parameters/pixelBandwidth": "260.0", "parameters/voxelRes/@x": "3.375", "parameters/voxelRes/@y": "3.375",
        "parameters/voxelRes/@z": "3.4", "parameters/te": None,
    }  # fmt: skip
    assert {path: document.text(path, "8") for path in expected} == expected


def test_23_two_studies_of_one_label(site):
    general, siemens = site.take("neurolabusc_dcm_qa_nih")
    for document in (general, siemens):
        document.check(_at_label="DEV", subject_ID="Test_Regression")
    assert general.text("@UID").endswith("12156645")
    assert general.table() == {"4": ("mr", "150", {"DICOM": 150}), "5": ("mr", "49", {"DICOM": 49})}
    general.check("4", coil="32Ch Head")
    assert siemens.table() == {number: ("mr", "2", {"DICOM": 2}) for number in "3456"}
    siemens.check(_at_session_type="FMRIF^QA")
    (comments,) = siemens.root.findall("xnat:fields/xnat:field", NS)
    assert (comments.get("name"), comments.text) == ("studyComments", "None")
    siemens.check("3", **{"parameters/fov/@x": "216", "parameters/fov/@y": "216"})


def test_24_masked_names_and_dates(site):
    document = site.one("neurolabusc_dcm_qa_uih")
    assert document.table() == {"9": ("mr", "17", {"DICOM": 17})}
    document.check(date=None, dcmPatientBirthDate=None, time="13:44:31", subject_ID=None, _at_label="dicom_upload")
    document.check("9", start_date=None, **{"parameters/fov/@x": "320", "parameters/fov/@y": "256"})


def test_25_a_pet_without_series_number(site):
    document = site.one("gschramm_pynemaiqpet/pet_recon_1")
    assert document.type == "PETSession"
    document.check(_at_label="08150815", subject_ID="Test_Patient", scanner=None, date=None)
    scan = "1_2_826_0_1_3680043_9_7147_3192945267794217117424841043720499074"
    assert document.table() == {scan: ("pet", "89", {"DICOM": 89})}


@pytest.mark.parametrize("project", ["test study", "08150815"])
def test_25_the_candidates_for_its_project(site, project):
    with Service(Settings(store=site.store)) as service:
        if project == "test study":
            service.projects.create("Q", aliases=[project])
        else:
            service.projects.create(project)
        outcome = service.import_upload(site.data / "gschramm_pynemaiqpet/pet_recon_1", import_handler="SI")
    assert [s.project for s in outcome.sessions] == ["Q" if project == "test study" else project]


def test_26_a_ct_with_plan_and_structures(site):
    document = site.one("dicompyler_dicompyler-core/example_data")
    assert document.type == "CTSession"
    document.check(subject_ID="boost_breast", _at_modality="CT")
    assert document.table() == {
        "2": ("ct", "1", {"DICOM": 1}),
        "3": ("rtImage", document.table()["3"][1], {"secondary": 1}),
        "4": ("rtImage", document.table()["4"][1], {"secondary": 1}),
    }
    expected = {"kvp": "130.0", "exposure": "14639.0", "rotationDirection": "CC"}
    assert {path: document.text(f"parameters/{path}", "2") for path in expected} == expected


def test_26_a_plan_alone(site):
    assert site.one("dicompyler_dicompyler-core/example_data/rtplan.dcm").type == "RTSession"


def test_27_two_ct_series_of_one_number(site):
    document = site.one("QIICR_dcmqi/segmentations/23x38x3")
    assert document.type == "CTSession"
    kinds = {name: (kind, files) for name, (kind, _, files) in document.table().items()}
    assert kinds == {
        "300": ("seg", {"secondary": 1}),
        "123456-CT1": ("ct", {"DICOM": 3}),
        "123456-CT2": ("ct", {"DICOM": 1}),
    }
    document.check(scanner__manufacturer="GE Medical Systems")
    document.check("123456-CT1", **{"parameters/fov/@x": "23", "parameters/fov/@y": "38"})


def test_27_label_maps_beside_a_segmentation(site):
    folder = "QIICR_dcmqi/segmentations"
    document = site.one(
        f"{folder}/24x38x3", f"{folder}/sparse-labelmap-noppv.dcm", f"{folder}/sparse-labelmap-ppv5.dcm"
    )
    files = {name: sum(counts.values()) for name, (_, _, counts) in document.table().items()}
    assert files == {"300-OT1": 1, "300-OT2": 2, "123456-CT1": 3, "123456-CT2": 1}


def test_28_reports_and_segmentations_without_images(site):
    document = site.one("QIICR_dcmqi/sr-example")
    assert document.type == "SRSession"
    kinds = {name: (kind, files) for name, (kind, _, files) in document.table().items()}
    assert kinds == {
        "1": ("otherDicom", {"secondary": 1}),
        "16": ("seg", {"secondary": 1}),
        "17": ("sr", {"secondary": 1}),
    }


def test_29_one_number_for_images_and_reports(site):
    uid = "1.3.6.1.4.1.5962.1.2.1.20040119072730.12322"
    (document,) = (found for found in site.take("ImagingDataCommons_highdicom") if found.text("@UID") == uid)
    assert document.type == "CTSession"
    files = {name: counts for name, (_, _, counts) in document.table().items()}
    assert set(files) == {"1-CT1", "1-SR1", "2"}
    assert files["1-CT1"] == {"DICOM": 1, "secondary": 1}


@pytest.mark.parametrize(
    ("name", "subject"), [("chrH31", "Yamada_Tarou"), ("chrGreek", "SCSGREEK"), ("chrFren", "Buc_Jerome")]
)
def test_30_names_of_other_alphabets(site, name, subject):
    document = site.one(f"pydicom/charset_files/{name}.dcm")
    document.check(subject_ID=subject)
    if name == "chrH31":
        document.check(dcmPatientName="Yamada^Tarou=山田^太郎=やまだ^たろう")


def test_31_a_plain_ct(site):
    (document,) = site.take("pydicom/test_files/CT_small.dcm", rename="true")
    document.check(_at_label="1CT1", _at_session_type="e+1")
    (scan,) = document.scans
    expected = {
        "kvp": "120.0", "exposureTime": "1601.0", "xrayTubeCurrent": "170.0", "exposure": "170.0",
        "focalSpots/focalSpot": "0.7", "tableHeight": "133.699997", "convolutionKernel": "STANDARD",
        "rescale/intercept": "-1024.0", "voxelRes/@x": "0.661468", "voxelRes/@y": "0.661468", "voxelRes/@z": "5.0",
    }  # fmt: skip
    assert {path: document.text(f"parameters/{path}", scan) for path in expected} == expected
    (stored,) = site.stored()
    assert stored.name == "1.3.6.1.4.1.5962.1.2.1.20040119072730.12322-1-1-1xxgppw.dcm"


def test_32_an_electrocardiogram_a_dose_and_a_report(site):
    ecg = site.one("pydicom/test_files/waveform_ecg.dcm")
    assert ecg.type == "ECGSession"
    files = {name: counts for name, (_, _, counts) in ecg.table().items()}
    assert files == {"1_3_6_1_4_1_20029_40_20130125105919_5407_1": {"DICOM": 1}}


def test_32_a_dose(site):
    document = site.one("pydicom/test_files/rtdose.dcm")
    assert document.type == "RTSession"
    assert [files for _, _, files in document.table().values()] == [{"DICOM": 1}]


def test_32_a_report(site):
    document = site.one("pydicom/test_files/reportsi.dcm")
    assert document.type == "SRSession"
    document.check(subject_ID="Last_Name_First_Name", _at_label="dicom_upload")


def test_33_values_of_functional_groups(site):
    document = site.one("nibabel/nicom/tests/data/philips_mprage.dcm.gz")
    assert document.type == "MRSession"
    document.check(_at_label="R3_2_2_Enhanced_Dicom_Phantom")
    assert document.table() == {"301": ("mr", "176", {"DICOM": 1})}
    expected = {"orientation": "Sag", "flip": "7.0"} | {f"voxelRes/@{axis}": "1.0" for axis in "xyz"}
    assert {path: document.text(f"parameters/{path}", "301") for path in expected} == expected
    document.check("301", coil="SENSE-Head-8")


@pytest.mark.parametrize("more", [(), ("pydicom/test_files/CT_small.dcm",)])
def test_36_a_dicomdir_hides_nothing(site, more):
    documents = site.take("archives/dicomdir-fileset.zip", *more)
    kinds = sorted(document.type for document in documents if document.text("@label") != "1CT1")
    assert kinds == ["CRSession", *["CTSession"] * 2, *["MRSession"] * 3]
    assert len(site.stored()) == 31 + len(more)
    assert not [path for path in site.stored() if path.name == "DICOMDIR"]


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (
            "neurolabusc_dcm_qa_philips/Magdeburg_2014/fmri/201_EPI_asc_CLEAR_0001_01.dcm",
            "1.3.46.670589.11.38317.5.0.8636.2014021409005697000-201-1-xmxgoi.dcm",
        ),
        (
            "dicompyler_dicompyler-core/example_data/rtplan.dcm",
            "2.16.840.1.113662.2.12.0.3057.1241703565.35-4-no-value-for-InstanceNumber-rrrtxs.dcm",
        ),
    ],
)
def test_37_names_by_the_template(site, sent, name):
    site.take(sent, rename="true")
    assert [path.name for path in site.stored()] == [name]
