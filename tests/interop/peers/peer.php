<?php
// An order service on PHP's own SoapServer. Started as: php -S HOST:PORT peer.php, with the folder
// of the WSDLs in PEER_WSDL and a file for its orders in PEER_DATA. The path names the WSDL.
ini_set('soap.wsdl_cache_enabled', '0');
ini_set('html_errors', '1');
ini_set('display_errors', '0');

class Orders
{
    private function books(callable $change)
    {
        $file = fopen(getenv('PEER_DATA'), 'c+');
        flock($file, LOCK_EX);
        $orders = json_decode(stream_get_contents($file) ?: '{}', true);
        $told = $change($orders);
        ftruncate($file, 0);
        rewind($file);
        fwrite($file, json_encode((object) $orders));
        fclose($file);
        return $told;
    }

    public function create(array $order)
    {
        foreach ($order['Lines'] as $line) {
            if ($line['Sku'] === 'unknown') {
                fail('unknown_item');
            }
        }
        $saved = $this->books(function (&$orders) use ($order) {
            $id = 'O' . (count($orders) + 1);
            $orders[$id] = ['Id' => $id, 'Version' => 1] + $order;
            return ['Id' => $id, 'Version' => 1];
        });
        if ($order['Note'] === 'die') {
            exit;                            // the order is in the books, and nothing is said
        }
        if ($order['Note'] === 'crash') {
            throw new Error('after the work');
        }
        return $saved;
    }

    public function update(string $id, ?int $version, ?string $note)
    {
        return $this->books(function (&$orders) use ($id, $version, $note) {
            if (!isset($orders[$id])) {
                fail('not_found');
            }
            if ($version && $version !== $orders[$id]['Version']) {
                fail('stale');
            }
            $orders[$id]['Note'] = $note;
            return ['Id' => $id, 'Version' => ++$orders[$id]['Version']];
        });
    }

    public function all(): array
    {
        return $this->books(fn (&$orders) => array_values($orders));
    }
}

/** A list as this style of WSDL has it. */
function listed(string $member, array $items)
{
    return STYLE === 'encoded' ? $items : [$member => $items];
}

function order_out(array $order): array
{
    $order['Lines'] = listed('Line', $order['Lines']);
    return $order;
}

/** Items of a list, however PHP hands it: one alone is no array, an empty one has no member. */
function items($list, string $member): array
{
    $found = is_object($list) ? ($list->$member ?? []) : ($list ?? []);
    return array_map(fn ($one) => (array) $one, is_array($found) ? $found : [$found]);
}

function order_in(object $order): array
{
    $order = (array) $order;
    $order['Lines'] = items($order['Lines'], 'Line');
    $order['Note'] ??= null;
    return $order;
}

function fail(string $code)
{
    $detail = (object) ['Code' => $code];
    if (STYLE === 'document') {              // its WSDL declares the fault
        throw new SoapFault('Client', 'refused', null, $detail, 'BusinessError');
    }
    throw new SoapFault('Client', 'refused', null, (object) ['BusinessError' => $detail]);
}

/** Document style: one argument with all members, one result with all members. */
class Document
{
    public function CreateOrder($in)
    {
        return ['Result' => (new Orders())->create(order_in($in->Order))];
    }

    public function UpdateOrder($in)
    {
        return ['Result' => (new Orders())->update($in->Id, $in->Version ?? null, $in->Note ?? null)];
    }

    public function GetOrder($in)
    {
        $found = array_filter((new Orders())->all(), fn ($o) => $o['Id'] === $in->Id);
        return $found ? ['Order' => order_out(reset($found))] : [];
    }

    public function FindOrders($in)
    {
        $found = array_filter((new Orders())->all(), fn ($o) => $o['Reference'] === $in->Reference);
        return ['Orders' => listed('Order', array_map('order_out', array_values($found)))];
    }

    public function ListOrders($in)
    {
        $found = array_slice((new Orders())->all(), ($in->Page - 1) * $in->Size, $in->Size);
        return ['Orders' => listed('Order', array_map('order_out', $found))];
    }
}

/** rpc style: parameters one by one, the result is the only part of the reply. */
class Rpc
{
    public function CreateOrder($order)
    {
        return (new Orders())->create(order_in($order));
    }

    public function UpdateOrder($id, $version, $note)
    {
        return (new Orders())->update($id, $version, $note);
    }

    public function GetOrder($id)
    {
        return (new Document())->GetOrder((object) ['Id' => $id])['Order'] ?? null;
    }

    public function FindOrders($reference)
    {
        return (new Document())->FindOrders((object) ['Reference' => $reference])['Orders'];
    }

    public function ListOrders($page, $size)
    {
        return (new Document())->ListOrders((object) ['Page' => $page, 'Size' => $size])['Orders'];
    }
}

define('STYLE', trim(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH), '/'));
$wsdl = getenv('PEER_WSDL') . '/' . STYLE . '.wsdl';
if (!preg_match('/^[a-z]+$/', STYLE) || !is_file($wsdl)) {
    http_response_code(404);
    exit;
}
if (str_contains(file_get_contents('php://input'), '>warn<')) {
    ini_set('display_errors', '1');
    echo $noSuchVariable;                    // a warning in HTML, before the envelope
}
$server = new SoapServer($wsdl, ['cache_wsdl' => WSDL_CACHE_NONE]);
$server->setClass(STYLE === 'document' ? 'Document' : 'Rpc');
$server->handle();
