<?php
// A form's field, an uploaded file and a session that counts visits.
session_start();
$_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
header('Content-Type: text/plain');
http_response_code((int) ($_GET['status'] ?? 200));
echo 'name=', $_POST['name'] ?? $_GET['name'] ?? '', "\n";
echo 'visits=', $_SESSION['visits'], "\n";
echo 'path=', $_SERVER['PATH_INFO'] ?? '', "\n";
echo 'self=', $_SERVER['SCRIPT_NAME'], "\n";
if (isset($_FILES['file'])) {
    echo 'file=', $_FILES['file']['size'], ' ', hash_file('sha256', $_FILES['file']['tmp_name']), "\n";
}
